import type { ServerResponse } from 'node:http';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  answerBytes,
  endpointOf,
  endpointPath,
  ledgerCounts,
  plainToolCalls,
  type RecordedExchange,
  readCorpus,
  requestBytes,
} from '../support/corpus.ts';
import { type FakeUpstream, type ReceivedRequest, startFakeUpstream } from '../support/fake-upstream.ts';
import { withoutInjectedUsage } from '../support/raw-events.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

/** How the upstream sends the answer, and whether the client sees the usage that Metertap asked for. */
interface Replay {
  readonly exchange: RecordedExchange;
  readonly cut: 'whole' | 'in pieces';
  readonly usage: 'asked' | 'passed' | 'hidden';
  readonly requestBody: Buffer;
}

const YAML = `
auth: { mode: passthrough }
keys:
  - { id: sees, team: corpus, key: sk-sees-the-usage-event, usage_event: pass }
  - { id: blind, team: corpus, key: sk-is-spared-the-event, usage_event: hide }
rates: { management_per_minute: 1000000 }
estimates: { missing_usage: leave }
`;
const KEYS = {
  asked: 'sk-is-spared-the-event',
  passed: 'sk-sees-the-usage-event',
  hidden: 'sk-is-spared-the-event',
};

const exchanges = readCorpus();
const providers = [...new Set(exchanges.map(({ provider }) => provider))];
/** Replayed after all others: they show, and so settle, the background responses that others created. */
const showsBackground = (exchange: RecordedExchange) =>
  exchange.method === 'GET' && endpointOf(exchange).isResponses && endpointPath(exchange).startsWith('responses/');

let upstream: FakeUpstream;
let proxy: TestProxy;
let client: Pool;
/** What the upstream sends, by the mark in the request. */
const replays = new Map<string, Replay>();
let expectedRecords = 0;

beforeAll(async () => {
  upstream = await startFakeUpstream(answerRecorded);
  proxy = await startProxy({ upstreamUrl: upstream.url.replace(/\/v1$/, '/vendor/v1'), yaml: YAML });
  client = new Pool(proxy.url, { connections: 8 });
});

afterAll(async () => {
  await client?.close();
  await proxy?.close();
  await upstream?.close();
});

describe.runIf(exchanges.length > 0)('recorded exchanges', () => {
  it.each(providers)('of %s are relayed as they are and recorded as they say', async (provider) => {
    const own = exchanges.filter((exchange) => exchange.provider === provider && !showsBackground(exchange));
    await Promise.all(own.flatMap(replaysOf).map(replayAndCheck));
  });

  it('of background responses settle the calls that created them', async () => {
    const shows = exchanges.filter(showsBackground);
    for (const exchange of shows) {
      await replayAndCheck({ exchange, cut: 'whole', usage: 'asked', requestBody: requestBytes(exchange) });
    }
    const ended = shows.filter(({ usage_raw }) => usage_raw !== null);
    const records = await proxy.records();
    for (const exchange of ended) {
      const created = records.filter((record) => record['upstream_id'] === endpointPath(exchange).split('/')[1]);
      const settled = created.filter((record) => record['ending'] === 'completed');
      expect(settled, exchange.id).toHaveLength(created.length);
      for (const record of settled) expect(record['usage'], exchange.id).toMatchObject(ledgerCounts(exchange));
    }
  });

  it('have one record for each metered call and none for the free ones', async () => {
    expect(await proxy.records()).toHaveLength(expectedRecords);
  });
});

/** Each stream that can be asked for usage is seen by a client that asked, by one that did not, and by one that is spared nothing. */
function replaysOf(exchange: RecordedExchange): Replay[] {
  const requestBody = exchange.method === 'POST' ? recordedRequest(exchange) : Buffer.alloc(0);
  const request = jsonOf(requestBody);
  const cuts = request?.['background'] === true ? (['whole'] as const) : (['whole', 'in pieces'] as const);
  const canBeAsked = endpointOf(exchange).asksForStreamUsage && request?.['stream'] === true;
  return cuts.flatMap((cut): Replay[] => {
    if (!canBeAsked) return [{ exchange, cut, usage: 'asked', requestBody }];
    const { stream_options: options, ...plain } = request;
    const askedAlready = options?.include_usage === true;
    const asking = Buffer.from(JSON.stringify({ ...plain, stream_options: { ...options, include_usage: true } }));
    const notAsking = askedAlready ? Buffer.from(JSON.stringify(plain)) : requestBody;
    return [
      { exchange, cut, usage: 'asked', requestBody: askedAlready ? requestBody : asking },
      { exchange, cut, usage: 'passed', requestBody: notAsking },
      { exchange, cut, usage: 'hidden', requestBody: notAsking },
    ];
  });
}

/** Some recorders left the body out. */
function recordedRequest(exchange: RecordedExchange): Buffer {
  const bytes = requestBytes(exchange);
  return bytes.length === 0 ? Buffer.from('{"model":"not-recorded"}') : bytes;
}

async function replayAndCheck(replay: Replay): Promise<void> {
  const { exchange, usage } = replay;
  const mark = `${exchange.provider} ${exchange.id}, ${replay.cut}, usage ${usage}`;
  replays.set(mark, replay);
  const { kind } = endpointOf(exchange);
  if (kind !== 'free') expectedRecords++;
  const answer = await send(replay, mark);

  expect(answer.status, mark).toBe(exchange.status);
  const isHidden = usage === 'hidden' && exchange.stream;
  const bytes = answerBytes(exchange);
  expectBytes(answer.body, isHidden ? withoutInjectedUsage(bytes) : bytes, mark);
  expect(answer.contentType, mark).toBe(contentTypeOf(exchange));
  if (kind === 'free') return;

  // The client has the last byte, so the record is in the books (design.md, promise 3).
  const record = await proxy.ask(`/api/v1/records/${answer.id}`);
  expect(record, mark).toMatchObject({ id: answer.id, status: exchange.status, ending: endingOf(replay) });
  if (kind === 'unmetered') {
    expect(record['usage_source'], mark).toBe('missing');
    return;
  }
  expect(record['endpoint'], mark).toBe(endpointOf(exchange).name);
  expect(record['usage_raw'], mark).toEqual(exchange.usage_raw);
  expect(record['usage_source'], mark).toBe(exchange.usage_raw === null ? 'missing' : 'reported');
  if (exchange.usage_raw === null) expect(record['usage'], mark).toBeNull();
  else {
    const counts = { ...ledgerCounts(exchange), tool_calls: plainToolCalls(exchange) };
    expect(record['usage'], mark).toMatchObject(counts);
  }
}

function endingOf({ exchange, requestBody }: Replay): string {
  if (exchange.status >= 400 || exchange.flags.includes('error_in_stream')) return 'upstream_error';
  const isQueued = exchange.usage_raw === null && jsonOf(requestBody)?.['background'] === true;
  return isQueued ? 'queued' : 'completed';
}

async function send(replay: Replay, mark: string) {
  const { exchange, requestBody } = replay;
  const query = exchange.url_path.split('?')[1];
  const contentType = exchange.request_headers['content-type'];
  const answer = await client.request({
    method: exchange.method as 'POST',
    path: `/v1/${endpointPath(exchange)}${query === undefined ? '' : `?${query}`}`,
    headers: {
      authorization: `Bearer ${KEYS[replay.usage]}`,
      'x-replay': mark,
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    },
    body: requestBody.length === 0 ? null : requestBody,
  });
  return {
    status: answer.statusCode,
    contentType: answer.headers['content-type'],
    id: String(answer.headers['x-metertap-request-id']),
    body: Buffer.from(await answer.body.arrayBuffer()),
  };
}

function answerRecorded(request: ReceivedRequest, response: ServerResponse): void {
  const replay = replays.get(String(request.headers['x-replay']));
  if (replay === undefined) throw new Error('a request that nobody sent');
  const { exchange, requestBody, usage } = replay;
  const isUnchanged = usage === 'asked' ? request.body.equals(requestBody) : asksForUsage(request.body);
  // The client then sees a status that was not recorded.
  response.statusCode = isUnchanged ? exchange.status : 599;
  response.setHeader('content-type', contentTypeOf(exchange));
  const body = answerBytes(exchange);
  if (replay.cut === 'whole') response.setHeader('content-length', String(body.length));
  for (const piece of replay.cut === 'whole' ? [body] : piecesOf(body, exchange.id)) response.write(piece);
  response.end();
}

function asksForUsage(body: Buffer): boolean {
  return jsonOf(body)?.['stream_options']?.include_usage === true;
}

const SMALL_BYTES = 4096;
const CUTS = 24;

/** A small body byte by byte, a larger one cut at places that are the same in every run. */
function piecesOf(body: Buffer, seed: string): Buffer[] {
  const random = randomOf(Number.parseInt(seed.slice(0, 8), 16));
  const places =
    body.length < SMALL_BYTES
      ? Array.from(body.keys())
      : Array.from({ length: CUTS }, () => Math.floor(random() * body.length));
  const sorted = [...new Set([0, ...places])].sort((a, b) => a - b);
  return sorted
    .map((place, i) => body.subarray(place, sorted[i + 1] ?? body.length))
    .filter(({ length }) => length > 0);
}

/** Mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function contentTypeOf(exchange: RecordedExchange): string {
  return exchange.response_headers['content-type'] ?? 'application/json';
}

function expectBytes(actual: Buffer, expected: Buffer, mark: string): void {
  if (!actual.equals(expected)) expect(actual.toString('latin1'), mark).toBe(expected.toString('latin1'));
}

/** Loosely typed: a test reads what vendors' clients write. */
function jsonOf(body: Buffer): ReturnType<typeof JSON.parse> | null {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
