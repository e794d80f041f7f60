import { describe, expect, it } from 'vitest';
import { readBundledBook } from '../../../src/pricing/bundled-book.ts';
import { createPriceBook } from '../../../src/pricing/price-book.ts';
import type { PriceEntry } from '../../../src/pricing/price-entry.ts';
import { readPriceRow } from '../../../src/pricing/price-row.ts';
import { createPricer, type PricedCall } from '../../../src/pricing/pricer.ts';
import { usageOf } from './usage-vectors.ts';

const AT_MS = Date.UTC(2026, 10, 22);

function price(models: readonly (string | Partial<PriceEntry>)[], call: Partial<PricedCall>) {
  const rows = models.map((entry) =>
    readPriceRow({
      provider: 'openai',
      model: 'm',
      input_per_mtok: '1',
      ...(typeof entry === 'string' ? { model: entry } : entry),
    }),
  );
  return createPricer(createPriceBook(rows)).priceCall({
    upstream: 'openai',
    requestModel: null,
    responseModel: null,
    serviceTier: null,
    usage: usageOf({ input_tokens: 10 }),
    atMs: AT_MS,
    ...call,
  });
}

describe('priceCall', () => {
  it('gives the cost and the id of the row', () => {
    const row = {
      model: 'gpt-5-mini',
      input_per_mtok: '0.20',
      valid_from: '2026-11-01',
      service_tiers: { flex: { multiplier: '0.5' } },
    };
    const call = { requestModel: 'gpt-5-mini', responseModel: 'gpt-5-mini' };
    expect(price([row], call)).toMatchObject({ costNanoUsd: 2000, priceId: 'openai/gpt-5-mini@2026-11-01' });
    expect(price([row], { ...call, serviceTier: 'flex' })?.costNanoUsd).toBe(1000);
    expect(price([row], { ...call, atMs: Date.UTC(2026, 9, 31) })).toBeNull();
  });

  it.each<[string, string[], string | null, string | null, string | null]>([
    ['the answering model first', ['small', 'large'], 'small', 'large', 'large'],
    ['the asked model where the answer names none', ['small'], 'small', null, 'small'],
    ['the asked model where the answer names an unknown one', ['small'], 'small', 'small-2026-02-01', 'small'],
    ['the answering model where none was asked for', ['small'], null, 'small', 'small'],
    ['nothing where both are unknown', ['small'], 'x', 'y', null],
    ['nothing where both are absent', ['*'], null, null, null],
    [
      'a snapshot with a row of its own',
      ['gpt-4o', 'gpt-4o-2024-05-13'],
      'gpt-4o',
      'gpt-4o-2024-05-13',
      'gpt-4o-2024-05-13',
    ],
    [
      'a model by its row, not by the catch-all, when its snapshot answers',
      ['gpt-4o', '*'],
      'gpt-4o',
      'gpt-4o-2024-05-13',
      'gpt-4o',
    ],
    ['the same for short dates', ['gpt-4', '*'], 'gpt-4', 'gpt-4-0613', 'gpt-4'],
    ['another model by the catch-all', ['gpt-4', '*'], 'gpt-4', 'gpt-4-32k', '*'],
    ['a router by what it routed to', ['auto', 'gpt-*'], 'auto', 'gpt-5', 'gpt-*'],
    ['a snapshot by the glob where that stands first', ['gpt-*', 'gpt-5'], 'gpt-5', 'gpt-5-2026-02-01', 'gpt-*'],
  ])('prices %s', (_, models, requestModel, responseModel, model) => {
    expect(price(models, { requestModel, responseModel })?.priceId ?? null).toBe(
      model === null ? null : `openai/${model}`,
    );
  });

  it('asks for rows of the upstream only', () => {
    expect(price(['*'], { upstream: 'local-vllm', requestModel: 'm' })).toBeNull();
  });

  it('keeps free and unpriced apart', () => {
    expect(price([{ model: 'm', input_per_mtok: '0' }], { requestModel: 'm' })).toMatchObject({
      costNanoUsd: 0,
      priceId: 'openai/m',
    });
    expect(
      price([{ model: 'm', input_per_mtok: undefined, output_per_mtok: '1' }], { requestModel: 'm' })?.costNanoUsd,
    ).toBe(0);
    expect(price([], { requestModel: 'm' })).toBeNull();
  });

  it('calls it unpriced when the counts are beyond reckoning', () => {
    const usage = usageOf({ input_tokens: Number.MAX_SAFE_INTEGER });
    expect(price([{ model: 'm', input_per_mtok: '5000' }], { requestModel: 'm', usage })).toBeNull();
  });
});

describe('a pricer with the bundled book', () => {
  const book = readBundledBook(
    [
      { schema: 1, book_version: '2026-11-22', sources: [] },
      { provider: 'openai', model: 'gpt-5-mini', input_per_mtok: '0.25', source: 's' },
      { provider: 'openai', model: 'gpt-6', input_per_mtok: '2', source: 's' },
    ]
      .map((line) => JSON.stringify(line))
      .join('\n'),
  );
  const configured = createPriceBook([
    readPriceRow({ provider: 'openai', model: 'gpt-5-mini', input_per_mtok: '0', valid_from: '2026-11-01' }),
    readPriceRow({ provider: 'local', model: 'mine', input_per_mtok: '0' }),
  ]);
  const providerOf = (upstream: string) => (upstream === 'local' ? null : 'openai');
  const pricer = createPricer(configured, { book, providerOf });
  const idOf = (upstream: string, requestModel: string | null, responseModel: string | null, atMs = AT_MS) =>
    pricer.findRow({ upstream, requestModel, responseModel, atMs })?.id ?? null;

  it.each([
    ['a row of the configuration', 'openai', 'gpt-5-mini', 'gpt-5-mini', 'openai/gpt-5-mini@2026-11-01'],
    [
      'a row of the configuration also where the book knows the snapshot',
      'openai',
      'gpt-5-mini',
      'gpt-5-mini-2025-08-07',
      'openai/gpt-5-mini@2026-11-01',
    ],
    ['the book where the configuration has no row', 'openai', 'gpt-6', 'gpt-6-2026-09-22', 'openai/gpt-6~book'],
    ['the book by what the upstream is, whatever it is called', 'clone', 'gpt-6', null, 'openai/gpt-6~book'],
    ['the book by the model that was asked for', 'clone', 'gpt-6', 'our-own', 'openai/gpt-6~book'],
    [
      'the model that answered before the one that was asked for',
      'clone',
      'gpt-6',
      'gpt-5-mini',
      'openai/gpt-5-mini~book',
    ],
    ['nothing for a provider that nobody knows', 'local', 'gpt-6', 'gpt-6', null],
    ['nothing for a model that nobody knows', 'openai', 'x', 'y', null],
  ])('takes %s', (_, upstream, asked, answered, id) => {
    expect(idOf(upstream, asked, answered)).toBe(id);
  });

  it('takes the book before the first date of the configuration', () => {
    expect(idOf('openai', 'gpt-5-mini', null, Date.UTC(2026, 9, 31))).toBe('openai/gpt-5-mini~book');
  });

  it('prices a call by a row of the book', () => {
    const usage = usageOf({ input_tokens: 10 });
    const call = { upstream: 'openai', requestModel: 'gpt-6', responseModel: null, serviceTier: null, usage };
    expect(pricer.priceCall({ ...call, atMs: AT_MS })).toMatchObject({
      costNanoUsd: 20_000,
      priceId: 'openai/gpt-6~book',
    });
  });
});
