import { calcPrice, findProvider, type ModelInfo } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { buildPriceBook } from '../../scripts/price-book/build-book.ts';
import type { Usage } from '../../src/metering/usage.ts';
import { type BookEntry, isBookEntry, isBookHeader, priceEntryOf } from '../../src/pricing/book-entry.ts';
import { BOOK_PROVIDERS } from '../../src/pricing/book-providers.ts';
import { BOOK_SCHEMA, readBundledBook } from '../../src/pricing/bundled-book.ts';
import { costOf } from '../../src/pricing/cost.ts';
import { PRICE_FIELDS } from '../../src/pricing/price-entry.ts';
import { readPriceRow } from '../../src/pricing/price-row.ts';
import { PROVIDER_SOURCES } from '../../src/pricing/sources/book-sources.ts';
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
