import { expect, it } from 'vitest';
import { compareBooks, comparePrices } from '../../../src/pricing/book-difference.ts';
import { readBundledBook } from '../../../src/pricing/bundled-book.ts';
import type { PriceEntry } from '../../../src/pricing/price-entry.ts';

function bookOf(version: string, rows: readonly object[]) {
  const lines = [{ schema: 1, book_version: version, sources: [] }, ...rows];
  return readBundledBook(lines.map((line) => JSON.stringify(line)).join('\n'));
}

const row = (model: string, changes: Partial<PriceEntry> = {}) => ({
  provider: 'openai',
  model,
  input_per_mtok: '1',
  output_per_mtok: '2',
  source: 'one',
  ...changes,
});

it('lists rows that are new, changed and gone, each with its prices before and after', () => {
  const before = bookOf('2026-11-01', [row('stays'), row('dearer'), row('gone'), row('dated')]);
  const after = bookOf('2026-12-01', [
    row('stays', { input_per_mtok: '1.00' }),
    row('dearer', { input_per_mtok: '1.5' }),
    row('dated'),
    row('dated', { valid_from: '2026-12-01', output_per_mtok: '1.5' }),
    row('new'),
  ]);
  expect(compareBooks(before, after)).toEqual({
    before: '2026-11-01',
    after: '2026-12-01',
    added: [
      {
        id: 'openai/dated@2026-12-01~book',
        changes: [{ price: 'output_per_mtok', before: '2', after: '1.5', percent: '-25.00' }],
      },
      { id: 'openai/new~book', changes: [] },
    ],
    changed: [
      {
        id: 'openai/dearer~book',
        changes: [{ price: 'input_per_mtok', before: '1', after: '1.5', percent: '+50.00' }],
      },
    ],
    ended: ['openai/gone~book'],
  });
  expect(compareBooks(before, before)).toMatchObject({ added: [], changed: [], ended: [] });
});

it('finds changes in tiers, of prices that come or go, and from what was free', () => {
  const before: PriceEntry = {
    ...row('a', { input_per_mtok: '0', cached_input_per_mtok: '0.1' }),
    context_tiers: [{ above_input_tokens: 200_000, input_per_mtok: '3' }],
    service_tiers: { flex: { multiplier: '0.5' } },
  };
  const after: PriceEntry = {
    ...row('a', { input_per_mtok: '1', output_audio_per_mtok: '9' }),
    context_tiers: [{ above_input_tokens: 200_000, input_per_mtok: '4' }],
    service_tiers: { flex: { multiplier: '0.4' } },
  };
  expect(comparePrices(before, after).map((change) => Object.values(change))).toEqual([
    ['input_per_mtok', '0', '1', null],
    ['cached_input_per_mtok', '0.1', null, null],
    ['context_tiers.200000.input_per_mtok', '3', '4', '+33.33'],
    ['service_tiers.flex.multiplier', '0.5', '0.4', '-20.00'],
    ['output_audio_per_mtok', null, '9', null],
  ]);
});
