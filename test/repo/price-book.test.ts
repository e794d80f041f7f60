import { calcPrice, findProvider, type ModelInfo } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { PROVIDER_SOURCES } from '../../scripts/price-book/book-sources.ts';
import { buildPriceBook } from '../../scripts/price-book/build-book.ts';
import type { Usage } from '../../src/metering/usage.ts';
import { type BookEntry, isBookEntry, isBookHeader, priceEntryOf } from '../../src/pricing/book-entry.ts';
import { BOOK_PROVIDERS } from '../../src/pricing/book-providers.ts';
import { BOOK_SCHEMA, readBundledBook } from '../../src/pricing/bundled-book.ts';
import { costOf } from '../../src/pricing/cost.ts';
import { PRICE_FIELDS } from '../../src/pricing/price-entry.ts';
import { readPriceRow } from '../../src/pricing/price-row.ts';
import { usageOf } from '../unit/pricing/usage-vectors.ts';
import { readText } from './repository.ts';

const TEXT = readText('src/pricing/price-book.jsonl');
const [HEADER_LINE = '', ...LINES] = TEXT.trimEnd().split('\n');
const HEADER: unknown = JSON.parse(HEADER_LINE);
const ENTRIES: readonly BookEntry[] = LINES.map((line) => {
  const entry: unknown = JSON.parse(line);
  if (!isBookEntry(entry)) throw new Error(`no row: ${line}`);
  return entry;
});
const BOOK = readBundledBook(TEXT);
const NOW = Date.UTC(2026, 10, 22, 12);

describe('the book', () => {
  it('is what the script makes of the sources', () => {
    if (!isBookHeader(HEADER)) throw new Error('no header');
    const manifest: { version: string } = JSON.parse(readText('node_modules/@pydantic/genai-prices/package.json'));
    const built = buildPriceBook({
      bookVersion: HEADER.book_version,
      genaiPricesVersion: manifest.version,
      second: { kind: 'book', text: TEXT },
    });
    expect(built.text === TEXT, 'the book and what the script makes differ: make it anew').toBe(true);
  });

  it('says its day, its schema, and its sources with their versions and licences', () => {
    expect(HEADER).toMatchObject({
      schema: BOOK_SCHEMA,
      book_version: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/),
      sources: [
        { name: 'genai-prices', version: '0.1.8', license: 'MIT' },
        { name: 'litellm', version: expect.stringMatching(/^\d+\.\d+\.\d+$/), license: 'MIT' },
      ],
    });
    expect(readText('src/pricing/price-book-licenses.txt')).toContain('THE SOFTWARE IS PROVIDED "AS IS"');
  });

  it('is of a size that nobody minds', () => {
    expect(TEXT.length).toBeLessThan(1_000_000);
    expect(ENTRIES.length).toBeGreaterThan(1000);
  });

  it('has rows of every provider that an upstream can be, and of no other', () => {
    const names = BOOK_PROVIDERS.map(({ name }) => name).sort();
    expect([...BOOK.providers].sort()).toEqual(names);
    expect(PROVIDER_SOURCES.map(({ name }) => name)).toEqual(names);
  });
});

interface Amount {
  readonly row: string;
  readonly path: string;
  readonly amount: unknown;
}

/** Every member of a row that is an amount. */
function amountsIn(row: string, value: unknown, path = ''): Amount[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, amount]: [string, unknown]) =>
    /_per_mtok$|_usd$|^multiplier$/.test(name)
      ? [{ row, path: path + name, amount }]
      : amountsIn(row, amount, `${path}${name}.`),
  );
}

describe('each row', () => {
  it('has decimal strings for amounts, from 0 to below 10,000 USD', () => {
    const amounts = ENTRIES.flatMap((entry) => amountsIn(`${entry.provider}/${entry.model}`, entry));
    const odd = amounts.filter(
      ({ amount }) =>
        typeof amount !== 'string' || !/^(?:0|[1-9]\d*)(?:\.\d{0,8}[1-9])?$/.test(amount) || Number(amount) >= 10_000,
    );
    expect(amounts.length).toBeGreaterThan(4000);
    expect(odd).toEqual([]);
  });

  it('has no other numbers than the lengths of its tiers', () => {
    const numbers = LINES.flatMap((line) => [...line.matchAll(/"(\w+)":(-?\d[^,}\]]*)/g)]);
    expect(new Set(numbers.map(([, name]) => name))).toEqual(new Set(['above_input_tokens']));
    expect(numbers.filter(([, , value]) => Number(value) < 1000 || Number(value) > 2_000_000)).toEqual([]);
  });

  it('has an id of its own, and can be read', () => {
    const ids = ENTRIES.map((entry) => readPriceRow(priceEntryOf(entry), 'book').id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });

  it('shares its names only with rows of the same model', () => {
    const owners = new Map<string, Set<string>>();
    for (const { provider, model, names = [model] } of ENTRIES) {
      for (const name of names) {
        const key = `${provider}/${name.toLowerCase()}`;
        owners.set(key, (owners.get(key) ?? new Set()).add(model));
      }
    }
    expect([...owners].filter(([, models]) => models.size > 1)).toEqual([]);
  });

  it('names where it is from', () => {
    expect(new Set(ENTRIES.map(({ source }) => source))).toEqual(new Set(['genai-prices', 'litellm']));
    expect(new Set(ENTRIES.map(({ supplement }) => supplement?.source))).toEqual(new Set([undefined, 'litellm']));
  });

  it('has prices of service tiers that are no slips of the point', () => {
    const odd = ENTRIES.flatMap((entry) => {
      const { service_tiers = {}, ...row } = priceEntryOf(entry);
      return Object.entries(service_tiers).flatMap(([tier, prices]) =>
        Object.values(PRICE_FIELDS).flatMap((field) => {
          const ratio = Number(prices[field]) / Number(row[field]);
          return ratio < 0.2 || ratio > 10 ? [`${entry.provider}/${entry.model} ${tier} ${field}: ${ratio}`] : [];
        }),
      );
    });
    expect(odd).toEqual([]);
  });
});

/** The conditions under which a model of the source has prices, in the words of the book. */
function conditionsOf(model: ModelInfo): string[] {
  if (!Array.isArray(model.prices)) return ['always'];
  let date = 'always';
  return model.prices.map(({ constraint }) => {
    if (constraint?.type !== 'time_of_date') {
      date = constraint?.start_date ?? 'always';
      return date;
    }
    return `${date} ${constraint.start_time.slice(0, 5)}-${constraint.end_time.slice(0, 5)}`;
  });
}

describe('against genai-prices', () => {
  const sources = PROVIDER_SOURCES.map(({ name, genaiPrices }) => {
    const provider = findProvider({ providerId: genaiPrices });
    if (provider === undefined) throw new Error(`no provider ${genaiPrices}`);
    return { name, provider };
  });

  it('no model loses history', () => {
    let dated = 0;
    const lost = sources.flatMap(({ name, provider }) =>
      provider.models.flatMap((model) => {
        const rows = ENTRIES.filter((entry) => entry.provider === name && entry.model === model.id);
        if (rows.length === 0) return []; // it has no price, or none of a kind that is metered
        const here = rows.flatMap(({ valid_from = 'always', hours_utc }) =>
          hours_utc === undefined ? [valid_from] : hours_utc.map((hours) => `${valid_from} ${hours}`),
        );
        const there = conditionsOf(model);
        dated += there.length - 1;
        return there.filter((condition) => !here.includes(condition)).map((when) => `${name}/${model.id} ${when}`);
      }),
    );
    expect(lost).toEqual([]);
    expect(dated).toBeGreaterThan(20);
  });

  const SHORT = {
    input_tokens: 10_000,
    cache_read_tokens: 3000,
    cache_write_tokens: 500,
    output_tokens: 2000,
    input_audio_tokens: 1000,
    cache_audio_read_tokens: 100,
    output_audio_tokens: 300,
  };
  const LONG = { ...SHORT, input_tokens: 700_000 };

  /** What the source would charge, in nano-USD. */
  function theirs(providerId: string, model: string, counts: Partial<Usage>, atMs: number): number | null {
    const seconds = counts.details?.['seconds'] ?? 0;
    const { details: _details, ...tokens } = counts;
    const price = calcPrice({ ...tokens, audio_seconds: seconds }, model, { providerId, timestamp: new Date(atMs) });
    return price === null ? null : price.total_price * 1e9;
  }

  const DAYS = [
    Date.UTC(2025, 0, 15, 12),
    NOW,
    Date.UTC(2026, 10, 22, 2),
    Date.UTC(2026, 10, 22, 18),
    Date.UTC(2027, 5, 1, 12),
  ];

  it.each(sources)('$name: every name costs the same, short and long, on every day', ({ name, provider }) => {
    let compared = 0;
    const differing: string[] = [];
    const entries = ENTRIES.filter((entry) => entry.provider === name && entry.source === 'genai-prices');
    const models = new Set(entries.flatMap(({ names, model }) => names ?? [model]));
    for (const model of models) {
      const hasHours = entries.some((entry) => entry.hours_utc && (entry.names ?? [entry.model]).includes(model));
      for (const atMs of DAYS) {
        // There, hours hold on every day; here, only from the date on that they were written under.
        if (hasHours && atMs === DAYS[0]) continue;
        for (const counts of [SHORT, LONG, { details: { seconds: 60 } }]) {
          const match = BOOK.find({ provider: name, model, atMs });
          const there = theirs(provider.id, model, counts, atMs);
          if (match === null || there === null) {
            differing.push(`${model} at ${new Date(atMs).toISOString()} is not known to both`);
            continue;
          }
          compared++;
          const here = costOf({ row: match.row, usage: usageOf(counts), serviceTier: null }).costNanoUsd;
          if (Math.abs(here - there) > 10 + there * 1e-9) differing.push(`${model}: ${here}, there ${there}`);
        }
      }
    }
    expect(differing).toEqual([]);
    expect(compared).toBeGreaterThan(10);
  });

  it('names with a date mean the same model', () => {
    const differing = sources.flatMap(({ name, provider }) =>
      ENTRIES.filter((entry) => entry.provider === name && entry.source === 'genai-prices').flatMap((entry) => {
        const dated = `${entry.names?.[0] ?? entry.model}-2026-02-03`;
        const there = calcPrice(SHORT, dated, { providerId: provider.id, timestamp: new Date(NOW) });
        const here = BOOK.find({ provider: name, model: dated, atMs: NOW });
        const isSame = there === null || here?.row.model === there.model.id;
        return isSame ? [] : [`${dated}: ${here?.row.id}, there ${there.provider.id}/${there.model.id}`];
      }),
    );
    expect(differing).toEqual([]);
  });
});

/** Published prices in USD per million tokens, with where and when they were read. */
interface Published {
  readonly provider: string;
  readonly model: string;
  readonly atMs?: number;
  readonly tier?: string;
  /** Of the call: input tokens, of which cached. */
  readonly prices: Partial<Record<'input' | 'cached' | 'output' | 'write' | 'write1h' | 'write12h', number>>;
  /** Of a call with more input tokens than this. */
  readonly above?: number;
}

const PUBLISHED: readonly (readonly [source: string, read: string, prices: readonly Published[]])[] = [
  [
    'https://openai.com/api-priority-processing/',
    '2026-11-22',
    [
      openai('gpt-5-mini', { input: 0.45, cached: 0.045, output: 3.6 }, 'priority'),
      openai('gpt-5', { input: 2.5, cached: 0.25, output: 20 }, 'priority'),
      openai('gpt-5.2', { input: 3.5, cached: 0.35, output: 28 }, 'priority'),
      openai('gpt-4.1', { input: 3.5, cached: 0.875, output: 14 }, 'priority'),
      openai('gpt-5.4', { input: 5, cached: 0.5, output: 30 }, 'priority'),
      openai('gpt-5.5', { input: 12.5, cached: 1.25, output: 75 }, 'priority'),
    ],
  ],
  [
    'https://docs.github.com/copilot/reference/models-and-pricing (at the prices of OpenAI)',
    '2026-11-22',
    [
      openai('gpt-5-mini', { input: 0.25, cached: 0.025, output: 2 }),
      openai('gpt-4.1', { input: 2, cached: 0.5, output: 8 }),
      openai('gpt-5.2', { input: 1.75, cached: 0.175, output: 14 }),
    ],
  ],
  [
    'https://developers.openai.com/api/docs/models/gpt-6.1-sol (release notes of 2026-09-30 and 2026-10-01 that cite it)',
    '2026-11-22',
    [
      openai('gpt-6.1-sol', { input: 2, cached: 0.1, output: 10, write: 2.5 }),
      { ...openai('gpt-6.1-sol', { input: 4, cached: 0.2, output: 15 }), above: 272_000 },
      openai('gpt-6.1-sol', { input: 4, cached: 0.2, output: 20 }, 'priority'),
      openai('gpt-6.1-sol', { input: 1, output: 5 }, 'flex'),
      { ...openai('gpt-6.1-sol', { input: 8, cached: 0.4, output: 30 }, 'priority'), above: 272_000 },
      openai('gpt-6-luna', { input: 0.1, cached: 0.01, output: 0.5, write: 0.125 }),
    ],
  ],
  [
    'https://platform.claude.com/docs/en/about-claude/pricing',
    '2026-11-22',
    [
      anthropic('claude-sonnet-4-6', { input: 3, cached: 0.3, output: 15, write: 3.75, write1h: 6 }),
      anthropic('claude-opus-4-6', { input: 5, cached: 0.5, output: 25, write: 6.25, write1h: 10 }),
      anthropic('claude-haiku-4-5', { input: 1, cached: 0.1, output: 5, write: 1.25, write1h: 2 }),
      anthropic('claude-fable-5-1', { input: 10, cached: 0.25, output: 50, write: 12.5, write1h: 20 }),
      anthropic('claude-haiku-5-5', { input: 0.1, cached: 0.01, output: 0.5 }),
      { ...anthropic('claude-haiku-5-5', { input: 0.5, cached: 0.05, output: 2.5 }), above: 100_000 },
    ],
  ],
  [
    'https://api-docs.deepseek.com/quick_start/pricing',
    '2026-11-22',
    [
      deepseek('2026-08-10T02:00Z', { input: 0.435, cached: 0.003625, output: 0.87 }),
      deepseek('2026-08-20T12:00Z', { input: 0.66, cached: 0.022, output: 1.98 }),
      deepseek('2026-08-20T02:00Z', { input: 1.32, cached: 0.044, output: 3.96 }),
      deepseek('2026-08-20T06:00Z', { input: 1.32, cached: 0.044, output: 3.96 }),
      deepseek('2026-08-20T10:00Z', { input: 0.66, cached: 0.022, output: 1.98 }),
    ],
  ],
  [
    'https://console.groq.com/docs/models',
    '2026-11-22',
    [{ provider: 'groq', model: 'openai/gpt-oss-120b', prices: { input: 0.15, output: 0.6 } }],
  ],
];

function openai(model: string, prices: Published['prices'], tier?: string): Published {
  return { provider: 'openai', model, prices, ...(tier !== undefined && { tier }) };
}

function anthropic(model: string, prices: Published['prices']): Published {
  return { provider: 'anthropic', model, prices };
}

function deepseek(at: string, prices: Published['prices']): Published {
  return { provider: 'deepseek', model: 'deepseek-v4-pro', atMs: Date.parse(at), prices };
}

/** Calls of which a single kind of token costs anything, each with 1,000 tokens of it. */
const ONE_KIND: Readonly<Record<keyof Published['prices'], Partial<Usage>>> = {
  input: { input_tokens: 1000 },
  cached: { input_tokens: 1000, cache_read_tokens: 1000 },
  output: { output_tokens: 1000 },
  write: { input_tokens: 1000, cache_write_tokens: 1000 },
  write1h: {
    input_tokens: 1000,
    cache_write_tokens: 1000,
    details: { cache_creation_ephemeral_1h_input_tokens: 1000 },
  },
  write12h: { input_tokens: 1000, cache_write_tokens: 1000, details: { cache_write_12h_tokens: 1000 } },
};

describe.each(PUBLISHED)('as published at %s, read on %s', (_source, _read, all) => {
  it.each(all)('$provider $model $tier $above', ({ provider, model, prices, above = 0, tier = null, atMs = NOW }) => {
    const row = BOOK.find({ provider, model, atMs })?.row;
    if (row === undefined) throw new Error('no row');
    for (const [kind, usdPerMtok] of Object.entries(prices)) {
      const counts = Object.entries(ONE_KIND).find(([name]) => name === kind)?.[1] ?? {};
      // Past the length by tokens that are counted as cached, so that they are a line of their own.
      const long = { ...counts, input_tokens: above + 1 + (counts.input_tokens ?? 0) };
      const usage = usageOf(above === 0 ? counts : kind === 'input' ? { ...long, cache_read_tokens: above + 1 } : long);
      const { lineItems } = costOf({ row, usage, serviceTier: tier });
      const line = lineItems.find((item) => item.kind === LINES_OF[kind]);
      expect(line && (line.costNanoUsd * 1e-9 * 1e6) / line.quantity, kind).toBeCloseTo(usdPerMtok, 9);
    }
  });
});

const LINES_OF: Readonly<Record<string, string>> = {
  input: 'input',
  cached: 'cachedInput',
  output: 'output',
  write: 'cacheWrite',
  write1h: 'cacheWrite1h',
  write12h: 'cacheWrite12h',
};
