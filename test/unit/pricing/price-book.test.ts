import { describe, expect, it } from 'vitest';
import { createPriceBook } from '../../../src/pricing/price-book.ts';
import type { PriceEntry } from '../../../src/pricing/price-entry.ts';
import { readPriceRow } from '../../../src/pricing/price-row.ts';

const day = (text: string) => Date.parse(`${text}T00:00:00Z`);
const row = (model: string, changes: Partial<PriceEntry> = {}, source: 'config' | 'book' = 'config') =>
  readPriceRow({ provider: 'openai', model, input_per_mtok: '1', ...changes }, source);

function idAt(rows: Parameters<typeof createPriceBook>[0], model: string, atMs = day('2026-11-22')): string | null {
  const book = createPriceBook(rows);
  const found = book.find({ provider: 'openai', model, atMs });
  expect(book.find({ provider: 'openai', model, atMs }), 'from the memory of look-ups').toBe(found);
  return found?.id ?? null;
}

describe('find', () => {
  it('takes the first match, whether exact or glob', () => {
    expect(idAt([row('gpt-*'), row('gpt-5')], 'gpt-5')).toBe('openai/gpt-*');
    expect(idAt([row('gpt-5'), row('gpt-*')], 'gpt-5')).toBe('openai/gpt-5');
    expect(idAt([row('gpt-5'), row('gpt-*')], 'gpt-6')).toBe('openai/gpt-*');
  });

  it('gives null for an unknown model, and for another provider', () => {
    expect(idAt([row('gpt-5')], 'o3')).toBeNull();
    expect(idAt([row('*', { provider: 'azure' })], 'gpt-5')).toBeNull();
    expect(createPriceBook([]).find({ provider: 'openai', model: 'gpt-5', atMs: 0 })).toBeNull();
  });

  it.each([
    ['2025-12-31', null],
    ['2026-01-01', 'openai/gpt-5@2026-01-01'],
    ['2026-05-31', 'openai/gpt-5@2026-01-01'],
    ['2026-06-01', 'openai/gpt-5@2026-06-01'],
    ['2026-11-22', 'openai/gpt-5@2026-06-01'],
    ['2027-01-01', 'openai/gpt-5@2027-01-01'],
  ])('at %s takes the latest row that is valid, in whatever order they stand', (at, id) => {
    const rows = ['2026-06-01', '2027-01-01', '2026-01-01'].map((valid_from) => row('gpt-5', { valid_from }));
    expect(idAt(rows, 'gpt-5', day(at))).toBe(id);
    expect(idAt(rows.reverse(), 'gpt-5', day(at))).toBe(id);
  });

  it('uses one memory for all times', () => {
    const book = createPriceBook([row('gpt-5'), row('gpt-5', { valid_from: '2026-06-01' })]);
    const idOn = (at: string) => book.find({ provider: 'openai', model: 'gpt-5', atMs: day(at) })?.id;
    expect([idOn('2026-07-01'), idOn('2026-05-01'), idOn('2026-07-01')]).toEqual([
      'openai/gpt-5@2026-06-01',
      'openai/gpt-5',
      'openai/gpt-5@2026-06-01',
    ]);
  });

  it('falls back to an undated row before the first date', () => {
    const rows = [row('gpt-5', { valid_from: '2026-06-01' }), row('gpt-5')];
    expect(idAt(rows, 'gpt-5', day('2026-05-01'))).toBe('openai/gpt-5');
  });

  it('goes on to the next pattern while the first is not valid yet', () => {
    const rows = [row('gpt-5', { valid_from: '2027-01-01' }), row('*')];
    expect(idAt(rows, 'gpt-5')).toBe('openai/*');
    expect(idAt(rows, 'gpt-5', day('2027-01-01'))).toBe('openai/gpt-5@2027-01-01');
  });

  it('lets a newer row of the bundled book not take over from the configuration', () => {
    const rows = [row('gpt-5'), row('gpt-5', { valid_from: '2026-06-01' }, 'book')];
    expect(idAt(rows, 'gpt-5')).toBe('openai/gpt-5');
  });

  it.each([
    ['2026-11-22T00:59:59Z', 'openai/m'],
    ['2026-11-22T01:00:00Z', 'openai/m#01:00-04:00+06:00-10:00'],
    ['2026-11-22T03:59:59Z', 'openai/m#01:00-04:00+06:00-10:00'],
    ['2026-11-22T04:00:00Z', 'openai/m'],
    ['2026-11-22T09:00:00Z', 'openai/m#01:00-04:00+06:00-10:00'],
    ['2026-12-01T09:00:00Z', 'openai/m@2026-12-01'],
  ])('at %s takes the row of the hour, unless a later one has begun', (at, id) => {
    const rows = [
      row('m', { hours_utc: ['01:00-04:00', '06:00-10:00'] }),
      row('m'),
      row('m', { valid_from: '2026-12-01' }),
    ];
    expect(idAt(rows, 'm', Date.parse(at))).toBe(id);
    expect(idAt(rows.reverse(), 'm', Date.parse(at))).toBe(id);
  });

  it.each([
    ['21:59', 'openai/m'],
    ['22:00', 'openai/m#22:00-02:00'],
    ['01:59', 'openai/m#22:00-02:00'],
    ['02:00', 'openai/m'],
  ])('at %s knows hours that go over midnight', (clock, id) => {
    const rows = [row('m'), row('m', { hours_utc: ['22:00-02:00'] })];
    expect(idAt(rows, 'm', Date.parse(`2026-11-22T${clock}:00Z`))).toBe(id);
  });

  it('does not mix up providers and models that hold slashes', () => {
    const book = createPriceBook([row('b/c', { provider: 'a' })]);
    expect(book.find({ provider: 'a', model: 'b/c', atMs: 0 })?.id).toBe('a/b/c');
    expect(book.find({ provider: 'a/b', model: 'c', atMs: 0 })).toBeNull();
  });

  it('finds a model with a very long name', () => {
    expect(idAt([row('*')], 'x'.repeat(100_000))).toBe('openai/*');
  });
});

it('names the models that have a row of their own, once, and no globs', () => {
  const book = createPriceBook([row('gpt-*'), row('gpt-5'), row('gpt-5', { valid_from: '2026-06-01' }), row('o3')]);
  expect([...book.modelNames]).toEqual(['gpt-5', 'o3']);
});
