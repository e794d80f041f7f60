import { describe, expect, it } from 'vitest';
import { readBundledBook } from '../../../src/pricing/bundled-book.ts';
import { createPriceLookup } from '../../../src/pricing/price-lookup.ts';

const BOOK = readBundledBook(
  [
    { schema: 1, book_version: '2026-11-22', sources: [] },
    { provider: 'openai', model: 'gpt-5-mini', input_per_mtok: '0.25', not_charged: ['storage'], source: 'one' },
    { provider: 'groq', model: 'llama', input_per_mtok: '0.05', patterns: ['llama*'], source: 'one' },
  ]
    .map((line) => JSON.stringify(line))
    .join('\n'),
);
const LOOKUP = createPriceLookup(
  {
    prices: [
      { provider: 'local', model: 'free-*', input_per_mtok: '0' },
      { provider: 'openai', model: 'gpt-9', input_per_mtok: '9', output_per_mtok: '90' },
    ],
    upstreams: [
      { name: 'local', base_url: 'http://127.0.0.1:8000/v1', models: ['free-*', 'mine'] },
      { name: 'fast', base_url: 'https://api.groq.com/openai/v1', models: ['llama*'] },
      { name: 'openai', base_url: 'http://127.0.0.1:9099/v1', models: ['gpt-*'] },
    ],
  },
  BOOK,
);
const explain = (model: string, upstream: string | null = null) =>
  LOOKUP.explain({ model, upstream, atMs: Date.UTC(2026, 10, 22) });

describe('explain', () => {
  it('names the row of the configuration', () => {
    expect(explain('gpt-9')).toEqual({
      model: 'gpt-9',
      upstream: 'openai',
      at: '2026-11-22T00:00:00.000Z',
      source: 'config',
      why: 'prices[1] of the configuration: provider openai, model gpt-9',
      price: { id: 'openai/gpt-9', provider: 'openai', model: 'gpt-9', input_per_mtok: '9', output_per_mtok: '90' },
      book: { version: '2026-11-22', sources: [], not_charged: [] },
    });
  });

  it('names the row of the book, and what it does not charge', () => {
    expect(explain('gpt-5-mini-2026-02-01')).toMatchObject({
      upstream: 'openai',
      source: 'book',
      why: 'the price book: gpt-5-mini-2026-02-01 without its date is a name of openai/gpt-5-mini; the upstream is openai by its name',
      price: { id: 'openai/gpt-5-mini~book', input_per_mtok: '0.25' },
      book: { version: '2026-11-22', sources: ['one'], not_charged: ['storage'] },
    });
  });

  it.each([
    ['llama-9', null, 'fast', 'the price book: llama-9 is like a name of groq/llama; the upstream is groq by its host'],
    ['free-1', 'local', 'local', 'prices[0] of the configuration: provider local, model free-*'],
  ])('says why %s at %s has a price', (model, asked, upstream, why) => {
    expect(explain(model, asked)).toMatchObject({ upstream, why });
  });

  it.each([
    ['mine', null, 'neither the name nor the host of the upstream local is a provider of the price book'],
    ['gpt-8', null, 'the price book has none for gpt-8; the upstream is openai by its name'],
    ['claude', null, 'no upstream of the configuration serves the model'],
    ['gpt-5-mini', 'elsewhere', 'the host of the upstream elsewhere is'],
  ])('says why %s at %s is unpriced', (model, upstream, why) => {
    const answer = explain(model, upstream);
    expect(answer).toMatchObject({ source: 'none', price: null });
    expect(answer.why).toContain(why);
  });

  it('takes a provider of the book that is no upstream', () => {
    const lookup = createPriceLookup({ prices: [], upstreams: [] }, BOOK);
    const answer = lookup.explain({ model: 'llama', upstream: 'groq', atMs: 0 });
    expect(answer.price?.id).toBe('groq/llama~book');
  });
});

it('lists the rows of an upstream, those of the configuration first', () => {
  expect(LOOKUP.rowsAt('openai').map(({ id }) => id)).toEqual(['openai/gpt-9', 'openai/gpt-5-mini~book']);
  expect(LOOKUP.rowsAt('fast').map(({ id }) => id)).toEqual(['groq/llama~book']);
  expect(LOOKUP.rowsAt('local').map(({ id }) => id)).toEqual(['local/free-*']);
});

it('knows the models of the configuration, and of the book those of the upstreams that there are', () => {
  expect([...LOOKUP.modelNames]).toEqual(['gpt-9', 'llama', 'gpt-5-mini']);
});
