import { type IncomingMessage, request } from 'node:http';

/** A request as a client writes it. Headers keep their spelling. */
export interface WireRequest {
  readonly method: string;
  /** Below the base URL, with a leading slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | null;
}

/** An answer as it came over the socket. */
export interface WireAnswer {
  /** 0 where the connection ended before the head of an answer. */
  readonly status: number;
  readonly statusText: string;
  /** Name and value, in their order and spelling. */
  readonly headers: readonly (readonly [string, string])[];
  /** What came of the body, with its content coding. */
  readonly body: Buffer;
  /** Whether the answer ended as HTTP says that it must; false where the connection was cut. */
  readonly whole: boolean;
}

const NO_ANSWER: WireAnswer = { status: 0, statusText: '', headers: [], body: Buffer.alloc(0), whole: false };

/** Sends a request over a connection of its own, and reads the answer until it ends, in whichever way. */
export function exchange(baseUrl: string, wire: WireRequest): Promise<WireAnswer> {
  return new Promise((resolve) => {
    const length = wire.body === null ? {} : { 'content-length': String(Buffer.byteLength(wire.body)) };
    const sending = request(`${baseUrl}${wire.path}`, {
      method: wire.method,
      headers: { ...wire.headers, ...length },
      agent: false,
    });
    sending.on('error', () => resolve(NO_ANSWER)); // after the head it changes nothing: a promise resolves once
    sending.on('response', (response) => void readAnswer(response).then(resolve));
    sending.end(wire.body ?? undefined);
  });
}

/** The value of a header; null where the answer has none. */
export function headerOf(answer: WireAnswer, name: string): string | null {
  return answer.headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1] ?? null;
}

/** Headers that hold for one connection only, and the clock: what two answers may differ in. */
const NOT_COMPARED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date']);

/**
 * The headers in which an answer through Metertap must be like one without it: all, in their order and spelling, less
 * those of the hop, the clock, and those that Metertap adds.
 */
export function comparedHeaders(answer: WireAnswer): readonly (readonly [string, string])[] {
  return answer.headers.filter(([name]) => {
    const lower = name.toLowerCase();
    return !NOT_COMPARED.has(lower) && !lower.startsWith('x-metertap-');
  });
}

function readAnswer(response: IncomingMessage): Promise<WireAnswer> {
  const parts: Buffer[] = [];
  return new Promise((resolve) => {
    const done = () =>
      resolve({
        status: response.statusCode ?? 0,
        statusText: response.statusMessage ?? '',
        headers: pairsOf(response.rawHeaders),
        body: Buffer.concat(parts),
        whole: response.complete,
      });
    response.on('data', (part: Buffer) => parts.push(part));
    response.on('error', () => undefined); // a cut: `close` follows
    response.on('close', done);
  });
}

function pairsOf(rawHeaders: readonly string[]): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) pairs.push([rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '']);
  return pairs;
}
