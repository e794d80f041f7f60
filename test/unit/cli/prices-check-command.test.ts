import { createServer } from 'node:http';
import { findProvider, REMOTE_DATA_JSON_URL } from '@pydantic/genai-prices';
import type { FastifyInstance } from 'fastify';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { runPricesCheckCommand } from '../../../src/cli/prices-check-command.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { PROVIDER_SOURCES } from '../../../src/pricing/sources/book-sources.ts';
import { GENAI_DATA_URL } from '../../../src/pricing/sources/genai-data.ts';
import { readText } from '../../repo/repository.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { freePort } from '../../support/servers.ts';
import { makeManagementApp, NOW_MS } from '../server-management/management-app.ts';

const HEADER = { schema: 1, book_version: '2026-11-22', sources: [] };
const ROW = { provider: 'openai', model: 'gpt-5', input_per_mtok: '1', output_per_mtok: '2', source: 'one' };
const text = (...lines: object[]) => lines.map((line) => JSON.stringify(line)).join('\n');
const BOOK = text(HEADER, ROW);
const NEWER = text({ ...HEADER, book_version: '2026-12-01' }, { ...ROW, input_per_mtok: '2' });

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function check(
  args: readonly string[],
  records: readonly CallRecord[] = [],
  { config = '', book = BOOK, more = {} }: { config?: string; book?: string; more?: Record<string, string> } = {},
) {
  const { app } = makeManagementApp(records);
  apps.push(app);
  const files: Readonly<Record<string, string>> = {
    'a.yaml': config,
    'newer.jsonl': NEWER,
    'same.jsonl': BOOK,
    bad: '{}',
    ...more,
  };
  let output = '';
  let errors = '';
  const code = await runPricesCheckCommand({
    args: ['check', ...args],
    env: { METERTAP_CONFIG: 'a.yaml' },
    readFile: (path) => files[path] ?? '',
    exists: () => true,
    readBook: () => book,
    nowMs: () => NOW_MS,
    baseUrl: await app.listen({ host: '127.0.0.1', port: 0 }),
    adminKey: 'admin',
    stop: new AbortController().signal,
    write: (more) => {
      output += more;
    },
    writeError: (more) => {
      errors += more;
    },
  });
  return { code, output, errors };
}

it('ends with 0 where the newer book says the same and every call has a price', async () => {
  const { code, output } = await check(['--book', 'same.jsonl'], [makeCallRecord(1)]);
  expect([code, output]).toEqual([0, expect.stringContaining('Nothing to do.')]);
});

it('tells what is dearer, and ends with 1', async () => {
  const { code, output } = await check(['--book', 'newer.jsonl']);
  expect(code).toBe(1);
  expect(output).toContain('changed  openai/gpt-5~book\n           input_per_mtok: 1 → 2 (+100.00 %)');
});

it('tells which models were called without a price', async () => {
  const unpriced = makeCallRecord(1, { cost_nano_usd: null, cost_usd: null, response_model: 'our-own' });
  const { code, output } = await check(['--json'], [unpriced, makeCallRecord(2)]);
  expect(code).toBe(1);
  expect(JSON.parse(output)).toMatchObject({
    book: null,
    unpriced: [{ model: 'our-own', upstream: 'openai', calls: 1, last_day: '2026-11-22' }],
  });
});

it('sets overrides beside the newer book, which is no finding', async () => {
  const config = 'prices: [{ provider: openai, model: gpt-5, input_per_mtok: "4", output_per_mtok: "2" }]';
  const { code, output } = await check(['--book', 'same.jsonl'], [], { config });
  expect(code).toBe(0);
  expect(output).toContain(
    'override openai/gpt-5 differs from openai/gpt-5~book\n           input_per_mtok: 1 → 4 (+300.00 %)',
  );
});

it.each([
  [['--book', 'bad']],
  [['--days', '0']],
  [['--bok']],
  [['extra']],
  [['--fetch', '--book', 'same.jsonl']],
  [['--fetch', '--url', 'http://127.0.0.1/']],
  [['--url', 'data.json']],
  [['--url', 'file:///etc/passwd']],
])('refuses %j', async (args) => {
  expect((await check(args)).code).toBe(2);
});

it('tells a faulty configuration with 78', async () => {
  expect((await check([], [], { config: 'prices: 1' })).code).toBe(78);
});

/** A server on this machine that publishes a text. */
async function publish(body: string, status = 200): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}/data.json`;
}

const bundled = readText('src/pricing/price-book.jsonl');
/** What the makers of genai-prices publish, as their package has it. */
const published = () => PROVIDER_SOURCES.map(({ genaiPrices }) => findProvider({ providerId: genaiPrices }));

it('finds nothing newer in the very data that the book was made of', async () => {
  const url = await publish(JSON.stringify(published()));
  const { code, output } = await check(['--url', url, '--json'], [], { book: bundled });
  expect(JSON.parse(output)).toMatchObject({
    book: { after: '2026-11-22', added: [], changed: [], ended: [] },
    not_compared: [],
  });
  expect(code).toBe(0);
});

it('finds what has changed since, and keeps what the second source knows out of it', async () => {
  const providers = structuredClone(published());
  const openai = providers.find((provider) => provider?.id === 'openai');
  const model = openai?.models.find(({ id }) => id === 'gpt-5-mini');
  const row = bundled.split('\n').find((line) => line.includes('"model":"gpt-5-mini"'));
  if (openai === undefined || model === undefined || Array.isArray(model.prices)) throw new Error('no such model');
  expect(row).toContain('service_tiers');
  model.prices['input_mtok'] = 0.5;
  openai.models = openai.models.filter(({ id }) => id !== 'gpt-4');
  openai.models.push(
    { id: 'gpt-99', match: { equals: 'gpt-99' }, prices: { input_mtok: 7, output_mtok: 8 } },
    { id: 'gpt-98', match: { regex: '^gpt-(?=98)[0-9]+$' }, prices: { input_mtok: 7 } },
  );
  const text = JSON.stringify(providers);
  const url = await publish(text);
  const { code, output } = await check(['--url', url, '--json'], [], { book: bundled });
  expect(code).toBe(1);
  const findings = JSON.parse(output);
  expect(findings.book).toMatchObject({
    added: [{ id: 'openai/gpt-99~book', changes: [] }],
    changed: [
      {
        id: expect.stringMatching(/^openai\/gpt-5-mini/),
        changes: [{ price: 'input_per_mtok', before: '0.25', after: '0.5', percent: '+100.00' }],
      },
    ],
    ended: [expect.stringMatching(/^openai\/gpt-4~/)],
  });
  expect(findings.not_compared).toEqual(['openai/gpt-98']);
  const file = await check(['--book', 'data.json', '--json'], [], { book: bundled, more: { 'data.json': text } });
  expect(JSON.parse(file.output)).toEqual(findings);
  const told = await check(['--url', url], [], { book: bundled });
  expect(told.output).toContain('unknown  openai/gpt-98: ');
});

it('leaves a provider that the data does not have as it is, and says so', async () => {
  const url = await publish(JSON.stringify(published().filter((provider) => provider?.id !== 'groq')));
  const { output } = await check(['--url', url, '--json'], [], { book: bundled });
  expect(JSON.parse(output)).toMatchObject({ book: { added: [], changed: [], ended: [] }, not_compared: ['groq'] });
});

it('gets a book of our own form too', async () => {
  const { code, output } = await check(['--url', await publish(NEWER)]);
  expect([code, output]).toEqual([1, expect.stringContaining('input_per_mtok: 1 → 2 (+100.00 %)')]);
});

it.each([
  [
    'nobody listens',
    async () => `http://127.0.0.1:${await freePort()}/data.json`,
    'cannot be fetched: connect ECONNREFUSED',
  ],
  ['it is not there', () => publish('no', 404), 'cannot be fetched: it answers HTTP 404'],
  ['it is something else', () => publish('<html>'), 'cannot be read as a price book, nor as the data of genai-prices'],
  [
    'it is an empty list',
    () => publish('[]'),
    'cannot be read as a price book, nor as the data of genai-prices: it is no list of providers',
  ],
  ['it is too much', () => publish(' '.repeat(33 * 1024 * 1024)), 'cannot be fetched: it is longer than 32 MiB'],
])('says why where %s', async (_case, source, message) => {
  const url = await source();
  const { code, errors, output } = await check(['--url', url]);
  expect([code, output]).toEqual([1, '']);
  expect(errors).toContain(`${url} ${message}`);
  if (message.includes('fetched')) expect(errors).toContain('give it with --book FILE');
});

it('gets what the package of genai-prices would get itself, from the address that the documents say', () => {
  expect(GENAI_DATA_URL).toBe(REMOTE_DATA_JSON_URL);
  expect(readText('docs/prices.md')).toContain(GENAI_DATA_URL);
});

it('fetches nothing unless it is told to', async () => {
  const { output } = await check([]);
  expect(output).toContain('No newer book was named: --fetch gets the newest prices');
});
