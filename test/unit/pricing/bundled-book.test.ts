import { describe, expect, it } from 'vitest';
import { readBundledBook } from '../../../src/pricing/bundled-book.ts';

const HEADER = { schema: 1, book_version: '2026-11-22', sources: [] };
const ROWS = [
  { model: 'gpt-5-mini', names: ['gpt-5-mini', 'gpt-5-mini-2025-08-07'], input_per_mtok: '0.25' },
  { model: 'gpt-4o', input_per_mtok: '2.5' },
  { model: 'gpt-4o-2024-05-13', input_per_mtok: '5' },
  { model: 'ft:gpt-4o', names: [], patterns: ['ft:gpt-4o-2024-*'], input_per_mtok: '3.75' },
  { model: 'gpt-4o-any', names: [], patterns: ['gpt-4o*'], except: ['*-tts', '*-tts-*'], input_per_mtok: '9' },
  { model: 'gpt-5.6', input_per_mtok: '5', source: 'one' },
  {
    model: 'gpt-5.6',
    valid_from: '2026-08-21',
    input_per_mtok: '4',
    context_tiers: [{ above_input_tokens: 10, input_per_mtok: '8' }],
    not_charged: ['storage'],
    source: 'one',
    supplement: {
      source: 'two',
      cache_write_12h_per_mtok: '10',
      context_tiers: [{ above_input_tokens: 10, cache_write_12h_per_mtok: '20' }],
      service_tiers: { flex: { input_per_mtok: '2' } },
    },
  },
];

function bookOf(rows: readonly object[], header: unknown = HEADER) {
  const lines = [header, ...rows.map((row) => ({ provider: 'openai', source: 'one', ...row }))];
  return readBundledBook(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
}

const NOW = Date.UTC(2026, 10, 22);
const BOOK = bookOf(ROWS);
const find = (model: string, atMs = NOW) => BOOK.find({ provider: 'openai', model, atMs });

describe('find', () => {
  it.each([
    ['a name', 'gpt-5-mini', 'openai/gpt-5-mini~book', 'name'],
    ['another name', 'gpt-5-mini-2025-08-07', 'openai/gpt-5-mini~book', 'name'],
    ['a name in capitals', 'GPT-5-Mini', 'openai/gpt-5-mini~book', 'name'],
    ['a name with a date', 'gpt-5-mini-2026-02-01', 'openai/gpt-5-mini~book', 'undated'],
    ['a name with a short date', 'gpt-5-mini-20260201', 'openai/gpt-5-mini~book', 'undated'],
    ['a name with a date behind @', 'gpt-5-mini@20260201', 'openai/gpt-5-mini~book', 'undated'],
    ['a dated name that has a row of its own', 'gpt-4o-2024-05-13', 'openai/gpt-4o-2024-05-13~book', 'name'],
    ['a dated name before a pattern', 'gpt-4o-2024-11-20', 'openai/gpt-4o~book', 'undated'],
    ['a pattern', 'ft:gpt-4o-2024-08-06:us::x', 'openai/ft:gpt-4o~book', 'pattern'],
    ['a pattern with exceptions', 'gpt-4o-audio', 'openai/gpt-4o-any~book', 'pattern'],
  ])('knows %s', (_, model, id, by) => {
    expect([find(model)?.row.id, find(model)?.by]).toEqual([id, by]);
  });

  it.each([
    'gpt-4o-mini-tts',
    'gpt-4o-tts-latest',
    'gpt-5-mini-2026-13-01',
    'gpt-5-mini-0201',
    'gpt-5-min',
    'o3',
    '',
    `gpt-4o${'x'.repeat(300)}`,
  ])('does not know %s', (model) => {
    expect(find(model)).toBeNull();
  });

  it('takes the row of the day', () => {
    expect(find('gpt-5.6', Date.UTC(2026, 7, 20))?.row.id).toBe('openai/gpt-5.6~book');
    expect(find('gpt-5.6')?.row.id).toBe('openai/gpt-5.6@2026-08-21~book');
  });

  it('joins what the second source adds, and names both', () => {
    const match = find('gpt-5.6');
    expect(match?.sources).toEqual(['one', 'two']);
    expect(match?.notCharged).toEqual(['storage']);
    expect(match?.row.entry).toEqual({
      provider: 'openai',
      model: 'gpt-5.6',
      valid_from: '2026-08-21',
      input_per_mtok: '4',
      cache_write_12h_per_mtok: '10',
      context_tiers: [{ above_input_tokens: 10, input_per_mtok: '8', cache_write_12h_per_mtok: '20' }],
      service_tiers: { flex: { input_per_mtok: '2' } },
    });
  });

  it('does not know the models of a provider that it does not have', () => {
    expect(BOOK.find({ provider: 'groq', model: 'gpt-5-mini', atMs: NOW })).toBeNull();
    expect(BOOK.rowsOf('groq')).toEqual([]);
  });

  it('falls back on the providers whose models another one sells', () => {
    const book = bookOf([{ provider: 'azure', model: 'gpt-4o', input_per_mtok: '2.75' }, ...ROWS]);
    const idOf = (model: string) => book.find({ provider: 'azure', model, atMs: NOW })?.row.id;
    expect([idOf('gpt-4o'), idOf('gpt-5-mini')]).toEqual(['azure/gpt-4o~book', 'openai/gpt-5-mini~book']);
    expect(book.modelNames('azure')).toContain('gpt-5-mini');
  });
});

it('gives the names as they are written, patterns left out', () => {
  expect([...new Set(BOOK.modelNames('openai'))]).toEqual([
    'gpt-5-mini',
    'gpt-5-mini-2025-08-07',
    'gpt-4o',
    'gpt-4o-2024-05-13',
    'gpt-5.6',
  ]);
  expect(BOOK.providers).toEqual(['openai']);
});

describe('refuses', () => {
  it.each([
    ['another schema', { ...HEADER, schema: 2 }],
    ['a header without a version', { schema: 1, sources: [] }],
    ['no header', []],
    ['a source without a licence', { ...HEADER, sources: [{ name: 'a', package: 'b', version: '1', url: 'u' }] }],
  ])('%s', (_, header) => {
    expect(() => bookOf(ROWS, header)).toThrow('the price book is not one of schema 1');
  });

  it('a row that does not begin with its provider', () => {
    const text = `${JSON.stringify(HEADER)}\n{"model":"m","provider":"openai"}`;
    expect(() => readBundledBook(text)).toThrow('does not begin with its provider');
  });

  it.each([
    ['no source', { source: undefined }],
    ['names that are no list', { names: 'a' }],
    ['a context tier without its length', { context_tiers: [{ input_per_mtok: '1' }] }],
    ['service tiers that are a list', { service_tiers: [] }],
    ['a supplement that is no object', { supplement: 'x' }],
  ])('a row with %s, once its provider is asked for', (_, changes) => {
    const book = bookOf([{ model: 'm', input_per_mtok: '1', ...changes }]);
    expect(book.find({ provider: 'groq', model: 'm', atMs: NOW })).toBeNull();
    expect(() => book.find({ provider: 'openai', model: 'm', atMs: NOW })).toThrow('a row of the price book');
  });
});
