import { onTestFinished } from 'vitest';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../../src/simulator/server.ts';

export type Post = (path: string, body: unknown, headers?: Record<string, string>) => Promise<Response>;

/** Starts a simulator on a free port that closes itself with the test, and a way to post to it. */
export async function startSimulator(
  options: SimulatorOptions = {},
): Promise<{ simulator: Simulator; post: Post; get: (path: string) => Promise<Response> }> {
  const simulator = await createSimulator({ port: 0, ...options });
  onTestFinished(() => simulator.close());
  const authorization = 'Bearer sk-test-1234';
  return {
    simulator,
    post: (path, body, headers = {}) =>
      fetch(`${simulator.baseUrl}/${path}`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    get: (path) => fetch(`${simulator.baseUrl}/${path}`, { headers: { authorization } }),
  };
}

/** The members of events that tests look at; each test knows which of them its events have. */
export interface EventData {
  readonly id: string;
  readonly sequence_number: number;
  readonly choices: readonly {
    readonly finish_reason: string | null;
    readonly delta: {
      readonly content?: string | null;
      readonly tool_calls?: readonly { index: number; function: { name?: string; arguments: string } }[];
    };
  }[];
  readonly usage: { readonly completion_tokens: number; readonly total_tokens: number; readonly queue_time: number };
  readonly response: { readonly usage: unknown };
  readonly prompt_filter_results: readonly unknown[];
  readonly timings: unknown;
  readonly x_groq: { readonly usage: unknown };
}

/** The data of each event of a stream as parsed JSON, `[DONE]` and comments left out. */
export function eventData(stream: string): EventData[] {
  return stream
    .split(/\r?\n\r?\n/)
    .flatMap((event) => event.split(/\r?\n/))
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice('data: '.length)));
}

export const HELLO = { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Say hello.' }] };
