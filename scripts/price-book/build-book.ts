import { findProvider } from '@pydantic/genai-prices';
import {
  type BookEntry,
  type BookSource,
  isBookEntry,
  isBookHeader,
  type Supplement,
} from '../../src/pricing/book-entry.ts';
import { BOOK_SCHEMA, readBundledBook } from '../../src/pricing/bundled-book.ts';
import { PROVIDER_SOURCES, type ProviderSource } from '../../src/pricing/sources/book-sources.ts';
import { GENAI_PRICES, genaiPriceRows, type LeftOut } from '../../src/pricing/sources/genai-prices.ts';
import { type Disagreement, LITELLM, type LitellmModels, litellmRows, supplementOf } from './litellm.ts';

/** Where what the second source knows is taken from: its own file, or the book made from it before. */
export type SecondSource =
  | { readonly kind: 'file'; readonly models: LitellmModels; readonly version: string }
  | { readonly kind: 'book'; readonly text: string };

export interface BookPlan {
  /** The day that the book is of. */
  readonly bookVersion: string;
  readonly genaiPricesVersion: string;
  readonly second: SecondSource;
}

export interface BuiltBook {
  /** JSON lines: the header, then a row each. */
  readonly text: string;
  readonly rows: number;
  readonly leftOut: readonly LeftOut[];
  readonly disagreements: readonly Disagreement[];
}

/** Makes the price book. Its text depends on the plan and the sources only. */
export function buildPriceBook(plan: BookPlan): BuiltBook {
  const leftOut: LeftOut[] = [];
  const disagreements: Disagreement[] = [];
  const second = secondSource(plan, disagreements);
  const entries = PROVIDER_SOURCES.flatMap((source) => {
    const provider = findProvider({ providerId: source.genaiPrices });
    if (provider?.id !== source.genaiPrices) throw new Error(`genai-prices has no provider ${source.genaiPrices}`);
    const first = genaiPriceRows(source.name, provider);
    leftOut.push(...first.leftOut);
    return [
      ...first.entries.map((entry) => {
        const supplement = second.supplement(entry, source, first.entries);
        return supplement === null ? entry : { ...entry, supplement };
      }),
      ...second.rows(source, first.entries),
    ];
  });
  const header = {
    schema: BOOK_SCHEMA,
    book_version: plan.bookVersion,
    sources: [genaiPricesSource(plan.genaiPricesVersion), second.source],
  };
  const text = `${[header, ...entries].map((line) => JSON.stringify(line)).join('\n')}\n`;
  return { text, rows: entries.length, leftOut, disagreements };
}

interface Second {
  readonly source: BookSource;
  /** What it adds to a row, of all those that the first source has for the provider. */
  supplement(entry: BookEntry, source: ProviderSource, known: readonly BookEntry[]): Supplement | null;
  /** Rows of models that the first source does not know. */
  rows(source: ProviderSource, known: readonly BookEntry[]): readonly BookEntry[];
}

/** The second source has no history: what it says holds for the row of the book's day only, and for no times of day. */
function isOfItsDay(entry: BookEntry, all: readonly BookEntry[], bookVersion: string): boolean {
  const begun = all.filter(
    ({ model, hours_utc, valid_from = '' }) =>
      model === entry.model && hours_utc === undefined && valid_from <= bookVersion,
  );
  return begun.at(-1) === entry;
}

function secondSource({ second, bookVersion }: BookPlan, disagreements: Disagreement[]): Second {
  return second.kind === 'book' ? fromBook(second.text) : fromFile({ ...second, bookVersion }, disagreements);
}

interface LitellmFile {
  readonly models: LitellmModels;
  readonly version: string;
  readonly bookVersion: string;
}

function fromFile({ models, version, bookVersion }: LitellmFile, disagreements: Disagreement[]): Second {
  return {
    source: litellmSource(version),
    supplement(entry, { litellm }, known) {
      if (!isOfItsDay(entry, known, bookVersion)) return null;
      const names = [entry.model, ...(entry.names ?? [])].map((name) => `${litellm?.prefix}${name}`);
      const key = names.find((name) => litellm?.providers.includes(String(models.get(name)?.['litellm_provider'])));
      if (litellm === undefined || key === undefined) return null;
      const supplement = supplementOf(entry, models.get(key) ?? {});
      if (supplement === null || 'source' in supplement) return supplement;
      disagreements.push(supplement);
      return null;
    },
    rows({ name, litellm }, known) {
      if (litellm?.fills !== true) return [];
      const book = bookOf(known);
      const atMs = Number.MAX_SAFE_INTEGER;
      const isKnown = (model: string) => book.find({ provider: name, model, atMs }) !== null;
      return litellmRows(name, litellm, { models, isKnown });
    },
  };
}

/** The rows as a book, for looking up what they already know. */
function bookOf(entries: readonly BookEntry[]) {
  const header = { schema: BOOK_SCHEMA, book_version: '', sources: [] };
  return readBundledBook([header, ...entries].map((line) => JSON.stringify(line)).join('\n'));
}

/** Takes over what the second source has said in an earlier book, where the first source still says the same. */
function fromBook(text: string): Second {
  const [first, ...lines] = text.split('\n').filter((line) => line !== '');
  const header: unknown = JSON.parse(first ?? 'null');
  const source = isBookHeader(header) ? header.sources.find(({ name }) => name === LITELLM) : undefined;
  if (source === undefined) throw new Error('the committed book names no second source');
  const before: BookEntry[] = lines.map((line) => {
    const entry: unknown = JSON.parse(line);
    if (!isBookEntry(entry)) throw new Error(`no row of a book: ${line}`);
    return entry;
  });
  const supplements = new Map(
    before.flatMap(({ supplement, ...entry }) =>
      supplement === undefined ? [] : [[JSON.stringify(entry), supplement] as const],
    ),
  );
  return {
    source,
    supplement: (entry) => supplements.get(JSON.stringify(entry)) ?? null,
    rows: ({ name }) => before.filter((entry) => entry.provider === name && entry.source === LITELLM),
  };
}

function genaiPricesSource(version: string): BookSource {
  const url = 'https://github.com/pydantic/genai-prices';
  return { name: GENAI_PRICES, package: '@pydantic/genai-prices (npm)', version, license: 'MIT', url };
}

function litellmSource(version: string): BookSource {
  const url = 'https://github.com/BerriAI/litellm';
  return { name: LITELLM, package: 'litellm (PyPI)', version, license: 'MIT', url };
}
