import { setTimeout as pause } from 'node:timers/promises';
import { Agent, type Dispatcher, request } from 'undici';
import type { LoadCall } from '../support/mixed-load.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

type Headers = Readonly<Record<string, string>>;
type Outcome = Pick<LoadCall, 'received' | 'status'> & { readonly text: string };

interface Kind {
  readonly name: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly steering?: Headers;
  /** How its client takes the answer; without it: to the end, as fast as it comes. */
  readonly behaviour?: 'leaves' | 'reads_slowly' | 'polls';
  /** Whether the answer shows its usage to the client. */
  readonly showsUsage: boolean;
  /** An endpoint without cached and output tokens. */
  readonly isInputOnly?: boolean;
}

const MODEL = 'gpt-5-mini';
const MESSAGES = [{ role: 'user', content: 'Say hello.' }];
const CHAT = { path: 'chat/completions', body: { model: MODEL, messages: MESSAGES } };
const STREAM = { path: 'chat/completions', body: { ...CHAT.body, stream: true } };
const ASKED = { path: 'chat/completions', body: { ...STREAM.body, stream_options: { include_usage: true } } };
const RESPONSE = { path: 'responses', body: { model: MODEL, input: 'Say hello.' } };
const PACE = { 'x-sim-interval-ms': '5' };
const MANY = { 'x-sim-events': '60', 'x-sim-event-bytes': '2000' };

const KINDS: readonly Kind[] = [
  { name: 'json', ...CHAT, showsUsage: true },
  { name: 'stream, hidden', ...STREAM, showsUsage: false },
  { name: 'stream, asked', ...ASKED, showsUsage: true },
  { name: 'stream, paced', ...STREAM, steering: PACE, showsUsage: false },
  { name: 'responses', ...RESPONSE, showsUsage: true },
  { name: 'responses stream', path: 'responses', body: { ...RESPONSE.body, stream: true }, showsUsage: true },
  {
    name: 'background',
    path: 'responses',
    body: { ...RESPONSE.body, background: true },
    behaviour: 'polls',
    showsUsage: true,
  },
  {
    name: 'embeddings',
    path: 'embeddings',
    body: { model: 'text-embedding-3-small', input: 'hello' },
    showsUsage: true,
    isInputOnly: true,
  },
  { name: 'error', ...CHAT, steering: { 'x-sim-status': '429' }, showsUsage: false },
  { name: 'error', ...STREAM, steering: { 'x-sim-status': '500' }, showsUsage: false },
  { name: 'cut', ...STREAM, steering: { 'x-sim-cut-after': '3' }, showsUsage: false },
  { name: 'client leaves', ...STREAM, steering: PACE, behaviour: 'leaves', showsUsage: false },
  {
    name: 'client leaves',
    path: 'responses',
    body: { ...RESPONSE.body, stream: true },
    steering: PACE,
    behaviour: 'leaves',
    showsUsage: true,
  },
  { name: 'slow reader', ...STREAM, steering: MANY, behaviour: 'reads_slowly', showsUsage: false },
];

const CALLS_PER_RUN = 500;
const LONGEST_PAUSE_MS = 30;
const PAUSE_OF_SLOW_READER_MS = 5;
const POLLS = 20;

/** Calls of every kind from a bounded number of clients, each one after the other, until they are stopped. */
export class SoakLoad implements AsyncDisposable {
  readonly calls: LoadCall[] = [];
  /** One sentence for each answer that tells another usage than the simulator was to report. */
  readonly wrongAnswers: string[] = [];
  readonly callsByKind = new Map<string, number>();
  readonly #baseUrl: string;
  readonly #random: SeededRandom;
  #agent = new Agent();
  #made = 0;
  #stopped = false;

  constructor(baseUrl: string, random: SeededRandom) {
    this.#baseUrl = baseUrl;
    this.#random = random;
  }

  /** Runs so many clients for so long; resolves when all of them are done and their connections closed. */
  async run(clients: number, durationMs: number): Promise<void> {
    this.#stopped = false;
    const running = Promise.all(Array.from({ length: clients }, (_, client) => this.#runClient(client)));
    await pause(durationMs);
    this.#stopped = true;
    await running;
    await this.#agent.destroy();
    this.#agent = new Agent();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#agent.destroy();
  }

  async #runClient(client: number): Promise<void> {
    while (!this.#stopped) {
      this.#made += 1;
      const runId = `soak-${client}-${Math.floor(this.#made / CALLS_PER_RUN)}`;
      await this.#makeCall(`call-${this.#made}`, runId);
      await pause(this.#random.between(0, LONGEST_PAUSE_MS));
    }
  }

  async #makeCall(name: string, runId: string): Promise<void> {
    const kind = this.#random.pick(KINDS);
    const told = {
      inputTokens: this.#random.between(1_000, 9_999),
      outputTokens: kind.isInputOnly ? 0 : this.#random.between(3, 900),
      cachedTokens: kind.isInputOnly ? 0 : this.#random.between(0, 999),
    };
    const headers = {
      'x-sim-input-tokens': String(told.inputTokens),
      ...(kind.isInputOnly
        ? {}
        : {
            'x-sim-output-tokens': String(told.outputTokens),
            'x-sim-cached-tokens': String(told.cachedTokens),
            'x-sim-reasoning-tokens': '2',
            'x-sim-events': String(this.#random.between(5, 30)),
          }),
      ...kind.steering,
      'x-metertap-run-id': runId,
      'x-metertap-tags': `call=${name}`,
    };
    const { text, ...outcome } = await this.#receive(kind, headers);
    this.calls.push({ name, runId, ...told, ...outcome });
    this.callsByKind.set(kind.name, (this.callsByKind.get(kind.name) ?? 0) + 1);
    if (outcome.received === 'whole')
      this.#checkTold(`${name} (${kind.name})`, toldInput(text), kind.showsUsage ? told.inputTokens : null);
  }

  #checkTold(name: string, shown: number | null, expected: number | null): void {
    if (shown !== expected) this.wrongAnswers.push(`${name}: the client was told ${shown} instead of ${expected}`);
  }

  async #receive(kind: Kind, headers: Headers): Promise<Outcome> {
    let status: number | null = null;
    let text = '';
    try {
      const answer = await this.#send('POST', kind.path, { headers, body: JSON.stringify(kind.body) });
      status = answer.statusCode;
      if (status !== 200) {
        await answer.body.dump();
        return { received: 'none', status, text };
      }
      const decoder = new TextDecoder();
      for await (const part of answer.body) {
        text += decoder.decode(part, { stream: true });
        if (kind.behaviour === 'leaves') return { received: 'broken', status, text }; // this destroys the body
        if (kind.behaviour === 'reads_slowly') await pause(PAUSE_OF_SLOW_READER_MS);
      }
      if (kind.behaviour === 'polls') return { ...(await this.#poll(text)), status };
      return { received: 'whole', status, text };
    } catch {
      return { received: status === null ? 'none' : 'broken', status, text };
    }
  }

  /** Retrieves a background response until it is completed. */
  async #poll(created: string): Promise<Omit<Outcome, 'status'>> {
    const id = /"id":\s*"(resp_\w+)"/.exec(created)?.[1] ?? 'none';
    for (let poll = 0; poll < POLLS; poll++) {
      const answer = await this.#send('GET', `responses/${id}`, { headers: {} });
      const text = await answer.body.text();
      if (/"status":\s*"completed"/.test(text)) return { received: 'whole', text };
    }
    return { received: 'broken', text: created };
  }

  #send(
    method: 'GET' | 'POST',
    path: string,
    { headers, body }: { readonly headers: Headers; readonly body?: string },
  ): Promise<Dispatcher.ResponseData> {
    return request(`${this.#baseUrl}/${path}`, {
      method,
      headers: { authorization: 'Bearer sk-soak', 'content-type': 'application/json', ...headers },
      dispatcher: this.#agent,
      ...(body === undefined ? {} : { body }),
    });
  }
}

/** The input tokens that the last usage object in an answer tells; null where there is none. */
function toldInput(text: string): number | null {
  const last = [...text.matchAll(/"(?:prompt|input)_tokens":\s*(\d+)/g)].at(-1)?.[1];
  return last === undefined ? null : Number(last);
}
