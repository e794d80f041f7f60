import type { FastifyInstance } from 'fastify';
import { afterEach, expect, it } from 'vitest';
import { runPricesCheckCommand } from '../../../src/cli/prices-check-command.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
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

async function check(args: readonly string[], records: readonly CallRecord[] = [], config = '') {
  const { app } = makeManagementApp(records);
  apps.push(app);
  const files: Readonly<Record<string, string>> = {
    'a.yaml': config,
    'newer.jsonl': NEWER,
    'same.jsonl': BOOK,
    bad: '{}',
  };
  let output = '';
  let errors = '';
  const code = await runPricesCheckCommand({
    args: ['check', ...args],
    env: { METERTAP_CONFIG: 'a.yaml' },
    readFile: (path) => files[path] ?? '',
    exists: () => true,
    readBook: () => BOOK,
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
  const { code, output } = await check(['--book', 'same.jsonl'], [], config);
  expect(code).toBe(0);
  expect(output).toContain(
    'override openai/gpt-5 differs from openai/gpt-5~book\n           input_per_mtok: 1 → 4 (+300.00 %)',
  );
});

it.each([[['--book', 'bad']], [['--days', '0']], [['--bok']], [['extra']]])('refuses %j', async (args) => {
  expect((await check(args)).code).toBe(2);
});

it('tells a faulty configuration with 78', async () => {
  expect((await check([], [], 'prices: 1')).code).toBe(78);
});
