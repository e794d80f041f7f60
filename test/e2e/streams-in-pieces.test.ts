import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PieceUpstream, type ScriptedStream, startPieceUpstream } from '../support/piece-upstream.ts';
import { CLIENT_HEADERS } from '../support/simulator-requests.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';
import {
  anyStream,
  contentEvent,
  DONE,
  type StreamStyle,
  sameForAll,
  scriptStream,
  USAGE,
  USAGE_EVENT,
} from '../support/stream-script.ts';
import { exchange, headerOf } from '../support/wire-exchange.ts';

/*
 * However a stream is written and cut into network chunks, both clients get the bytes that they would get without
 * Metertap, and the ledger has the usage that the stream tells. Each client has seen the end of its answer when its
 * record is read, so the record must be there.
 */

const SEED = 20_261_122;
const ASKED = '{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}';
const NOT_ASKED = '{"model":"m","messages":[],"stream":true}';
const CLIENTS = { asked: ASKED, unasked: NOT_ASKED } as const;
type Client = keyof typeof CLIENTS;

interface Bench extends AsyncDisposable {
  readonly upstream: PieceUpstream;
  readonly proxy: TestProxy;
}

async function startBench(): Promise<Bench> {
  const upstream = await startPieceUpstream();
  const proxy = await startProxy({
    upstreamUrl: upstream.url,
    yaml: 'rates: { management_per_minute: 1000000 }\nlog: { level: error }\n',
  });
  return {
    upstream,
    proxy,
    [Symbol.asyncDispose]: async () => {
      await proxy.close();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

interface Outcome {
  readonly id: string | null;
  readonly whole: boolean;
  readonly body: Buffer;
}

async function fetchStream(
  bench: Bench,
  client: Client,
  stream: ScriptedStream,
  cuts: readonly number[],
): Promise<Outcome> {
  const headers = { ...CLIENT_HEADERS, 'Content-Type': 'application/json', 'x-case': bench.upstream.add(stream, cuts) };
  const wire = { method: 'POST', path: '/chat/completions', headers, body: CLIENTS[client] };
  const { whole, body, ...answer } = await exchange(bench.proxy.baseUrl, wire);
  return { id: headerOf({ ...answer, whole, body }, 'x-metertap-request-id'), whole, body };
}

/** Fetches the stream, and says in what the client or the ledger has it otherwise than it is; empty where in nothing. */
async function faultsOf(bench: Bench, { client, stream, cuts, tellsUsage }: StreamCase): Promise<string[]> {
  const { id, whole, body } = await fetchStream(bench, client, stream, cuts);
  const faults: string[] = [];
  const expected = stream[client];
  if (!whole) faults.push('the answer is cut');
  if (!body.equals(expected)) faults.push(`got ${JSON.stringify(excerpt(body, expected))}`);
  const record = await bench.proxy.ask(`/api/v1/records/${id}`);
  const usage = JSON.stringify(record['usage_raw']);
  if (usage !== JSON.stringify(tellsUsage ? USAGE : null)) faults.push(`the ledger has the usage ${usage}`);
  if (record['ending'] !== 'completed') faults.push(`the ending is ${JSON.stringify(record['ending'])}`);
  return faults.map((fault) => `${client}, cut at ${cuts.slice(0, 20).join()}: ${fault}`);
}

interface StreamCase {
  readonly client: Client;
  readonly stream: ScriptedStream;
  readonly cuts: readonly number[];
  readonly tellsUsage: boolean;
}

/** The place where two texts part, of both. */
function excerpt(got: Buffer, expected: Buffer): { at: number; got: string; expected: string } {
  let at = 0;
  while (at < got.length && got[at] === expected[at]) at++;
  const around = (bytes: Buffer) => bytes.toString('latin1', Math.max(0, at - 40), at + 60);
  return { at, got: around(got), expected: around(expected) };
}

/** Does the work of every item, some at a time. */
async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<string[]>): Promise<string[]> {
  const waiting = [...items];
  const faults: string[] = [];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) faults.push(...(await work(item)));
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  return faults;
}

const SHORT_EVENTS = [
  sameForAll(': ping'),
  contentEvent('Gr\u00fc\u00dfe', ',"usage":null'),
  sameForAll('event: x', 'data: {"a":', 'data: 1}'),
  contentEvent('\ud83d\udc4b', ',"usage":null', ',"obfuscation":"ab"'),
  USAGE_EVENT,
  DONE,
];

const STYLES: Readonly<Record<string, StreamStyle>> = {
  LF: { lineEnds: ['\n'], byteOrderMark: false, end: 'nothing' },
  'CRLF with a byte order mark': { lineEnds: ['\r\n'], byteOrderMark: true, end: 'nothing' },
  'CR without its last blank line': { lineEnds: ['\r'], byteOrderMark: false, end: 'blank line' },
  'mixed line ends without the last': { lineEnds: ['\r\n', '\r', '\n', '\n'], byteOrderMark: true, end: 'line end' },
};

describe('a stream in pieces', () => {
  it.each(Object.entries(STYLES))('is the same wherever it is cut in two (%s)', async (_name, style) => {
    await using bench = await startBench();
    const stream = scriptStream(SHORT_EVENTS, style);
    expect(stream.asked.length).toBeGreaterThan(500);
    const cases = (['asked', 'unasked'] as const).flatMap((client) =>
      Array.from({ length: stream.asked.length }, (_, cut) => ({ client, stream, cuts: [cut], tellsUsage: true })),
    );
    expect(await inParallel(cases, (one) => faultsOf(bench, one))).toEqual([]);
  });

  it.each(Object.entries(STYLES))('is the same byte by byte (%s)', async (_name, style) => {
    await using bench = await startBench();
    const stream = scriptStream(SHORT_EVENTS, style);
    const cuts = Array.from(stream.asked.keys());
    const cases = (['asked', 'unasked'] as const).map((client) => ({ client, stream, cuts, tellsUsage: true }));
    expect(await inParallel(cases, (one) => faultsOf(bench, one))).toEqual([]);
  });

  it('is the same whatever it holds and wherever it is cut', async () => {
    await using bench = await startBench();
    const property = fc.asyncProperty(
      anyStream({ maxEvents: 12, maxTextLength: 60 }),
      fc.array(fc.nat(1200), { maxLength: 60 }),
      async ({ stream, tellsUsage }, cuts) => {
        const cases = (['asked', 'unasked'] as const).map((client) => ({ client, stream, cuts, tellsUsage }));
        expect((await Promise.all(cases.map((one) => faultsOf(bench, one)))).flat()).toEqual([]);
      },
    );
    await fc.assert(property, { seed: SEED, numRuns: 300 });
  });

  it('is the same where it is long', async () => {
    await using bench = await startBench();
    const property = fc.asyncProperty(
      anyStream({ maxEvents: 150, maxTextLength: 20_000 }),
      fc.array(fc.nat(1_000_000), { minLength: 10, maxLength: 300 }),
      async ({ stream, tellsUsage }, cuts) => {
        const cases = (['asked', 'unasked'] as const).map((client) => ({ client, stream, cuts, tellsUsage }));
        expect((await Promise.all(cases.map((one) => faultsOf(bench, one)))).flat()).toEqual([]);
      },
    );
    await fc.assert(property, { seed: SEED, numRuns: 25 });
  });
});

describe('an event of ten megabytes on one line', () => {
  const TEN_MB = 10 * 1024 * 1024;
  const cuts = Array.from({ length: 200 }, (_, i) => i * 65_521);

  it.each(['\n', '\r\n', '\r'] as const)(
    'is forwarded, and the usage after it is metered (line end %j)',
    async (lineEnd) => {
      await using bench = await startBench();
      const large = contentEvent('x'.repeat(TEN_MB), '');
      const stream = scriptStream([contentEvent('', ',"usage":null'), large, USAGE_EVENT, DONE], {
        lineEnds: [lineEnd],
        byteOrderMark: false,
        end: 'nothing',
      });
      const cases = (['asked', 'unasked'] as const).map((client) => ({ client, stream, cuts, tellsUsage: true }));
      expect(await inParallel(cases, (one) => faultsOf(bench, one))).toEqual([]);
    },
  );

  it('keeps the null that asking has caused: events above 1 MiB pass as they come', async () => {
    await using bench = await startBench();
    const large = contentEvent('x'.repeat(TEN_MB), ',"usage":null');
    const stream = scriptStream([contentEvent('', ',"usage":null'), large, USAGE_EVENT, DONE], STYLES['LF'] ?? never());
    const { body, whole } = await fetchStream(bench, 'unasked', stream, cuts);
    const asUnasked = body.toString('latin1').replace(',"usage":null', '');
    expect(whole).toBe(true);
    expect(body.length).toBe(stream.unasked.length + ',"usage":null'.length);
    expect(asUnasked === stream.unasked.toString('latin1')).toBe(true);
  });
});

it('leaves a null in an event of several data lines to the client, for it cannot be cut out of the lines', async () => {
  await using bench = await startBench();
  const lines = sameForAll('data: {"choices":[{"index":0,"delta":{"content":"a"}}],', 'data: "usage":null}');
  const stream = scriptStream([lines, USAGE_EVENT, DONE], STYLES['LF'] ?? never());
  expect(await faultsOf(bench, { client: 'unasked', stream, cuts: [], tellsUsage: true })).toEqual([]);
});

function never(): never {
  throw new Error('no such style');
}
