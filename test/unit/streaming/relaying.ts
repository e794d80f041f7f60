import { ClientPresence } from '../../../src/streaming/client-presence.ts';
import { EventPassage } from '../../../src/streaming/event-passage.ts';
import { OpenPassage, type Passage } from '../../../src/streaming/passage.ts';
import { Relay, type RelayLimits, type RelayOutcome } from '../../../src/streaming/relay.ts';
import { fakeClient } from './fake-client.ts';
import { FakeSource } from './fake-source.ts';

export const LIMITS: RelayLimits = {
  clientLeaves: 'drain',
  drainMaxMs: 120_000,
  drainMaxBytes: 1000,
  clientStallMaxMs: 300_000,
};
export const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n';
/** More than a response buffers before it asks for a pause. */
export const MUCH = 'x'.repeat(256 * 1024);

/** A relay between an upstream and a client that are told what to do. */
export function relaying(options: { passage?: Passage; limits?: Partial<RelayLimits>; endPatienceMs?: number } = {}) {
  const source = new FakeSource();
  const client = fakeClient();
  const { response } = client;
  const presence = new ClientPresence(response);
  let nowMs = 1000;
  const relay = new Relay({
    source,
    response,
    presence,
    passage: options.passage ?? new OpenPassage(null),
    limits: { ...LIMITS, ...options.limits },
    nowMs: () => nowMs++,
    writeHead: () => {
      response.sendDate = false;
      response.writeHead(200, 'OK', ['Transfer-Encoding', 'chunked']);
      response.flushHeaders();
    },
    endPatienceMs: options.endPatienceMs ?? null,
  });
  let outcome: RelayOutcome | null = null;
  const run = () => {
    void relay.run().then((known) => {
      outcome = known;
    });
  };
  return { source, client, presence, relay, run, outcome: () => outcome };
}

/** Lets promises and streams come to rest. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The body of a chunked answer without its frames. */
export function bodyOf(taken: string): string {
  const frames = taken.slice(taken.indexOf('\r\n\r\n') + 4);
  let body = '';
  for (let at = 0; ; ) {
    const size = Number.parseInt(frames.slice(at), 16);
    if (!(size > 0)) return body;
    const start = frames.indexOf('\r\n', at) + 2;
    body += frames.slice(start, start + size);
    at = start + size + 2;
  }
}

export const END = '0\r\n\r\n';
export const endsAtDone = () =>
  new EventPassage((event) => (event.data?.toString() === '[DONE]' ? 'terminal' : 'more'), null);
