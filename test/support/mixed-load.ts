import { setTimeout as pause } from 'node:timers/promises';
import type { SeededRandom } from './seeded-random.ts';

/** One call of the load, as its client saw it. */
export interface LoadCall {
  /** The call's own name; it stands in the record's tags. */
  readonly name: string;
  readonly runId: string;
  /** What the simulator was told to report. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  /** `whole`: the client has the last byte. `broken`: only a part. `none`: no answer at all, or a refusal. */
  readonly received: 'whole' | 'broken' | 'none';
  readonly status: number | null;
}

/** A client that is refused does not hammer. */
const AFTER_FAILURE_MS = 20;

type Kind = 'json' | 'hidden' | 'asked' | 'responses' | 'responses_json';
const KINDS: readonly Kind[] = ['json', 'hidden', 'asked', 'responses', 'responses_json'];

/** Calls of all kinds, a few at a time and one after the other, until they are stopped or nobody answers any more. */
export class MixedLoad {
  readonly #baseUrl: string;
  readonly #random: SeededRandom;
  readonly #prefix: string;
  readonly #goesOn: boolean;
  readonly #calls: LoadCall[] = [];
  #made = 0;
  #stopped = false;

  /**
   * @param options.prefix begins the names of all calls and runs of this load
   * @param options.goesOn whether a client that was not given a whole answer makes its next call all the same
   */
  constructor(
    baseUrl: string,
    options: { readonly random: SeededRandom; readonly prefix: string; readonly goesOn?: boolean },
  ) {
    this.#baseUrl = baseUrl;
    this.#random = options.random;
    this.#prefix = options.prefix;
    this.#goesOn = options.goesOn ?? false;
  }

  /** Runs `clients` at once. Resolves with every call, when all clients are done. */
  async run(clients: number): Promise<readonly LoadCall[]> {
    await Promise.all(Array.from({ length: clients }, (_, client) => this.#runClient(client)));
    return this.#calls;
  }

  /** The calls that are over, so far. */
  get calls(): readonly LoadCall[] {
    return this.#calls;
  }

  /** No further call is begun; those under way go on. */
  stop(): void {
    this.#stopped = true;
  }

  async #runClient(client: number): Promise<void> {
    while (!this.#stopped) {
      const call = await this.#makeCall(`${this.#prefix}-run-${client}`);
      this.#calls.push(call);
      if (call.received === 'whole') continue;
      if (!this.#goesOn) return;
      await pause(AFTER_FAILURE_MS);
    }
  }

  async #makeCall(runId: string): Promise<LoadCall> {
    this.#made += 1;
    const name = `${this.#prefix}-${this.#made}`;
    const kind = this.#random.pick(KINDS);
    const isSlow = this.#random.between(0, 3) === 0;
    const inputTokens = 1_000 + this.#made;
    const outputTokens = this.#random.between(3, 900);
    const cachedTokens = this.#random.between(0, 999);
    const steering: Record<string, string> = {
      'x-sim-input-tokens': String(inputTokens),
      'x-sim-output-tokens': String(outputTokens),
      'x-sim-cached-tokens': String(cachedTokens),
      'x-sim-reasoning-tokens': '2',
      'x-sim-events': String(this.#random.between(1, 30)),
      ...(isSlow ? slowness(kind, this.#random.between(1, 15)) : {}),
    };
    const headers = { ...steering, 'x-metertap-run-id': runId, 'x-metertap-tags': `call=${name}` };
    const outcome = await receive(this.#baseUrl, kind, headers);
    return { name, runId, inputTokens, outputTokens, cachedTokens, ...outcome };
  }
}

function slowness(kind: Kind, ms: number): Record<string, string> {
  const isStream = kind === 'hidden' || kind === 'asked' || kind === 'responses';
  return isStream ? { 'x-sim-interval-ms': String(ms) } : { 'x-sim-delay-ms': String(10 * ms) };
}

const MESSAGES = [{ role: 'user', content: 'Say hello.' }];
const MODEL = 'gpt-5-mini';
const REQUESTS: Readonly<Record<Kind, { path: string; body: unknown }>> = {
  json: { path: 'chat/completions', body: { model: MODEL, messages: MESSAGES } },
  hidden: { path: 'chat/completions', body: { model: MODEL, messages: MESSAGES, stream: true } },
  asked: {
    path: 'chat/completions',
    body: { model: MODEL, messages: MESSAGES, stream: true, stream_options: { include_usage: true } },
  },
  responses: { path: 'responses', body: { model: MODEL, input: 'Say hello.', stream: true } },
  responses_json: { path: 'responses', body: { model: MODEL, input: 'Say hello.' } },
};

/** What the last bytes of a stream are: with these a client is done, whatever becomes of the connection. */
const STREAM_END = /(?:\ndata: \[DONE\]\n\n|\nevent: response\.completed\ndata: [^\n]*\n\n)$/;

async function receive(
  baseUrl: string,
  kind: Kind,
  headers: Readonly<Record<string, string>>,
): Promise<Pick<LoadCall, 'received' | 'status'>> {
  const { path, body } = REQUESTS[kind];
  let status: number | null = null;
  let text = '';
  let ended = false;
  try {
    const answer = await fetch(`${baseUrl}/${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-load', 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    status = answer.status;
    if (status !== 200) {
      await answer.text();
      return { received: 'none', status };
    }
    const decoder = new TextDecoder();
    for await (const part of answer.body ?? []) text += decoder.decode(part, { stream: true });
    ended = true;
  } catch {
    // The server was killed: what came until then is what counts.
  }
  if (status === null) return { received: 'none', status };
  const isStream = kind === 'hidden' || kind === 'asked' || kind === 'responses';
  const isWhole = isStream ? STREAM_END.test(text) : ended || isJson(text);
  return { received: isWhole ? 'whole' : 'broken', status };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
