import { describe, expect, it } from 'vitest';
import { DIALECT_NAMES } from '../../src/simulator/dialects.ts';
import { expectedAnswer, KNOWN_DIFFERENCES, knownDifferencesOf } from '../support/known-differences.ts';
import { leadToLoopback } from '../support/loopback-name.ts';
import {
  differencesOf,
  ledgerDifferences,
  type SideBySideOptions,
  type Sides,
  startSideBySide,
} from '../support/side-by-side.ts';
import {
  BACKGROUND,
  type CatalogueRequest,
  chatStreams,
  dialectRequests,
  EVERY_ENDPOINT,
} from '../support/simulator-requests.ts';
import { asRecord } from '../support/start-proxy.ts';
import { headerOf } from '../support/wire-exchange.ts';

/*
 * The answer of the simulator through Metertap is compared with its answer without it: status, status text, headers in
 * their order and spelling, body; for the client that asked for usage and the one that did not. The ledger is compared
 * with the usage that the simulator tells when it is asked. What is knowingly different is in known-differences.ts.
 */

type Headers = Readonly<Record<string, string>>;

/** Steering that every dialect is tried with. */
const OPTIONS: Readonly<Record<string, Headers>> = {
  plain: {},
  counts: {
    'x-sim-input-tokens': '1200',
    'x-sim-output-tokens': '300',
    'x-sim-cached-tokens': '1024',
    'x-sim-cache-write-tokens': '16',
    'x-sim-reasoning-tokens': '256',
  },
  'no usage': { 'x-sim-no-usage': '1' },
  CRLF: { 'x-sim-crlf': '1' },
  'no [DONE]': { 'x-sim-no-done': '1' },
  'two tool calls': { 'x-sim-tool-calls': '2' },
  'error after three events': { 'x-sim-error-in-stream': '3' },
  'no events': { 'x-sim-events': '0' },
  gzip: { 'x-sim-encoding': 'gzip' },
};

const { gzip: _coding, ...OPTIONS_WITHOUT_CODING } = OPTIONS;

/** Further steering, tried with OpenAI's dialect. */
const MORE_OPTIONS: Readonly<Record<string, Headers>> = {
  br: { 'x-sim-encoding': 'br' },
  zstd: { 'x-sim-encoding': 'zstd' },
  'gzip with CRLF, paced': { 'x-sim-encoding': 'gzip', 'x-sim-crlf': '1', 'x-sim-interval-ms': '1' },
  paced: { 'x-sim-interval-ms': '1' },
  late: { 'x-sim-delay-ms': '5' },
  echo: { 'x-sim-echo': '1' },
  'many events': { 'x-sim-events': '300', 'x-sim-event-bytes': '500' },
  'large events': { 'x-sim-events': '2', 'x-sim-event-bytes': '200000' },
  'an error at once': { 'x-sim-error-in-stream': '0' },
  incomplete: { 'x-sim-responses-end': 'incomplete' },
  failed: { 'x-sim-responses-end': 'failed' },
  'more cached than there is': { 'x-sim-input-tokens': '5', 'x-sim-cached-tokens': '9' },
  'another dialect': { 'x-sim-dialect': 'groq' },
  'any model': { 'x-sim-any-model': '1' },
};

/** Errors in the place of any answer. */
const ERRORS: Readonly<Record<string, { readonly headers: Headers; readonly status: number }>> = {
  '400': { headers: { 'x-sim-status': '400' }, status: 400 },
  '401': { headers: { 'x-sim-status': '401' }, status: 401 },
  '422': { headers: { 'x-sim-status': '422' }, status: 422 },
  '429 with a time': { headers: { 'x-sim-status': '429', 'x-sim-retry-after-ms': '1500' }, status: 429 },
  '500': { headers: { 'x-sim-status': '500' }, status: 500 },
  '503 as HTML': { headers: { 'x-sim-status': '503', 'x-sim-error-html': '1' }, status: 503 },
  '429 compressed': { headers: { 'x-sim-status': '429', 'x-sim-encoding': 'gzip' }, status: 429 },
  'a first attempt': { headers: { 'x-sim-status': '500', 'x-sim-status-attempts': '1' }, status: 500 },
  'a second attempt': {
    headers: { 'x-sim-status': '500', 'x-sim-status-attempts': '1', 'x-stainless-retry-count': '1' },
    status: 200,
  },
};

const REJECTION_STATUSES: Readonly<Record<string, number>> = { mistral: 422, cohere: 400 };

/** What the simulator says to a request of the catalogue where it is not told to fail. */
function statusIn(dialect: string): (request: CatalogueRequest) => number {
  return (request) => (request.name.endsWith(', asked') ? (REJECTION_STATUSES[dialect] ?? 200) : 200);
}

interface Comparison {
  readonly asked: readonly Sides[];
  readonly records: readonly Record<string, unknown>[];
}

/** Asks in turn: requests that go on from earlier ones need them. */
async function compare(
  dialect: string,
  requests: readonly CatalogueRequest[],
  more: SideBySideOptions = {},
): Promise<Comparison> {
  await using sides = await startSideBySide({ dialect, ...more });
  const asked: Sides[] = [];
  for (const request of requests) asked.push(await sides.ask(request));
  return { asked, records: await sides.proxy.records() };
}

/** The three counts that every dialect tells, in Metertap's own terms. */
function countsOf({ via }: Sides, records: Comparison['records']): Record<string, unknown> {
  const record = records.find(({ id }) => id === headerOf(via, 'x-metertap-request-id'));
  const { input_tokens, output_tokens, total_tokens } = asRecord(record?.['usage']);
  return { input_tokens, output_tokens, total_tokens };
}

function named(option: string, requests: readonly CatalogueRequest[]): CatalogueRequest[] {
  return requests.map((request) => ({ ...request, name: `${request.name} (${option})` }));
}

function steered(dialect: string, options: Readonly<Record<string, Headers>>): CatalogueRequest[] {
  return Object.entries(options).flatMap(([option, headers]) =>
    named(option, dialectRequests(headers, statusIn(dialect))),
  );
}

describe('answers through Metertap', () => {
  it('are the same at every endpoint', async () => {
    const { asked, records } = await compare('openai', EVERY_ENDPOINT);
    expect(asked.flatMap((sides) => differencesOf(sides))).toEqual([]);
    expect(ledgerDifferences(asked, records)).toEqual([]);
  });

  it('are the same for background responses, which are settled once', async () => {
    const { asked, records } = await compare('openai', BACKGROUND);
    expect(asked.flatMap((sides) => differencesOf(sides))).toEqual([]);
    const streamed = asked.find((sides) => sides.request.name === 'background stream');
    const polled = asked.find((sides) => sides.request.name === 'second look');
    expect(records.map(({ ending, usage_raw }) => ({ ending, usage_raw }))).toEqual([
      { ending: 'completed', usage_raw: polled?.told },
      { ending: 'completed', usage_raw: null },
      { ending: 'completed', usage_raw: streamed?.told },
    ]);
    expect(polled?.told).toMatchObject({ output_tokens: 5 });
  });

  it.each(DIALECT_NAMES)('are the same in the dialect %s, but for its known differences', async (dialect) => {
    const { asked, records } = await compare(dialect, steered(dialect, OPTIONS));
    expect(asked.flatMap((sides) => differencesOf(sides, expectedAnswer(sides, dialect)))).toEqual([]);
    expect(ledgerDifferences(asked, records)).toEqual([]);
    const steeredTo1500 = asked.filter(({ request, told }) => request.name.endsWith('(counts)') && told !== null);
    expect(steeredTo1500.map((sides) => countsOf(sides, records))).toEqual(
      steeredTo1500.map(({ told }) => ({
        input_tokens: 1200,
        // Gemini's thinking stands in the total alone: it is kept as a detail, for nothing says that it is output.
        output_tokens: dialect === 'gemini' && told?.['completion_tokens'] === 44 ? 44 : 300,
        total_tokens: 1500,
      })),
    );
  });

  it('are the same with every further option', async () => {
    const { asked, records } = await compare('openai', steered('openai', MORE_OPTIONS));
    expect(asked.flatMap((sides) => differencesOf(sides, expectedAnswer(sides, 'openai')))).toEqual([]);
    expect(ledgerDifferences(asked, records)).toEqual([]);
  });

  it('are the same when they are errors', async () => {
    const requests = Object.entries(ERRORS).flatMap(([option, { headers, status }]) =>
      named(
        option,
        dialectRequests(headers, () => status),
      ),
    );
    const { asked, records } = await compare('openai', requests);
    expect(asked.flatMap((sides) => differencesOf(sides, expectedAnswer(sides, 'openai')))).toEqual([]);
    expect(ledgerDifferences(asked, records)).toEqual([]);
  });

  it('are the same when an upstream tells counts that nobody can have used', async () => {
    const counts = { 'x-sim-input-tokens': '9007199254740991', 'x-sim-output-tokens': '1' };
    const { asked, records } = await compare('openai', steered('openai', { 'absurd counts': counts }));
    expect(asked.flatMap((sides) => differencesOf(sides))).toEqual([]);
    expect(records.map(({ ending }) => ending)).toEqual(asked.map(() => 'completed'));
  });

  it.each(['vllm', 'sglang'])('are the same with running usage, asked by the client (%s)', async (dialect) => {
    const more = { stream_options: { include_usage: true, continuous_usage_stats: true } };
    const { asked, records } = await compare(dialect, [chatStreams(more).asked, chatStreams({ ...more, n: 2 }).asked]);
    expect(asked.flatMap((sides) => differencesOf(sides))).toEqual([]);
    expect(ledgerDifferences(asked, records)).toEqual([]);
  });
});

/** Upstreams that Metertap knows by their host (the table of stream-usage hosts), with their dialects. */
const KNOWN_HOSTS: readonly (readonly [dialect: string, host: string])[] = [
  ['mistral', 'api.mistral.ai'],
  ['cohere', 'api.cohere.com'],
  ['groq', 'api.groq.com'],
  ['openrouter', 'openrouter.ai'],
  ['perplexity', 'api.perplexity.ai'],
  ['cerebras', 'api.cerebras.ai'],
  ['huggingface', 'router.huggingface.co'],
  ['gemini', 'generativelanguage.googleapis.com'],
  ['moonshot', 'api.moonshot.ai'],
  ['zai', 'api.z.ai'],
];

describe('answers of upstreams that are known', () => {
  it.each(KNOWN_HOSTS)('are the same without any difference: %s at %s', async (dialect, host) => {
    using _name = leadToLoopback(host);
    const { asked, records } = await compare(dialect, steered(dialect, OPTIONS_WITHOUT_CODING), { host });
    expect(asked.flatMap((sides) => differencesOf(sides))).toEqual([]);
    expect(ledgerDifferences(asked, records)).toEqual([]);
  });

  it.each(['huggingface', 'vllm-force'])(
    'are the same where the operator says that %s need not be asked',
    async (dialect) => {
      const yaml = 'upstreams: [{ name: sim, base_url: "http://replaced.invalid/v1", stream_usage: never }]\n';
      const { asked, records } = await compare(dialect, steered(dialect, OPTIONS), { yaml });
      expect(asked.flatMap((sides) => differencesOf(sides))).toEqual([]);
      expect(ledgerDifferences(asked, records)).toEqual([]);
    },
  );
});

describe('the known differences', () => {
  it('are all met, and are differences', async () => {
    const met = new Set<string>();
    for (const dialect of ['huggingface', 'llamacpp', 'gemini']) {
      const { asked } = await compare(dialect, steered(dialect, { plain: {}, gzip: OPTIONS['gzip'] ?? {} }));
      for (const sides of asked) {
        const known = knownDifferencesOf(sides, dialect);
        for (const { reason } of known) met.add(reason);
        expect([sides.request.name, differencesOf(sides).length > 0]).toEqual([sides.request.name, known.length > 0]);
      }
    }
    expect([...met].sort()).toEqual(KNOWN_DIFFERENCES.map(({ reason }) => reason).sort());
  });
});
