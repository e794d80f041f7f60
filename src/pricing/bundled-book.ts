import { type BookEntry, type BookHeader, isBookEntry, isBookHeader, priceEntryOf } from './book-entry.ts';
import { BOOK_PROVIDERS } from './book-providers.ts';
import { matchesModel } from './model-pattern.ts';
import { rowValidAt } from './price-book.ts';
import { type PriceRow, readPriceRow } from './price-row.ts';

/** The schema of the book that this code reads. */
export const BOOK_SCHEMA = 1;

export interface BookQuery {
  /** A provider of the book, not an upstream's name. */
  readonly provider: string;
  readonly model: string;
  /** When the call was made: milliseconds since the Unix epoch. */
  readonly atMs: number;
}

export interface BookMatch {
  readonly row: PriceRow;
  /** How the name was found: as it is, without the date at its end, or by a pattern of the source. */
  readonly by: 'name' | 'undated' | 'pattern';
  /** The sources of the row's prices. */
  readonly sources: readonly string[];
  readonly notCharged: readonly string[];
}

/** The price book that Metertap ships. */
export interface BundledBook {
  readonly header: BookHeader;
  /** The providers that have rows. */
  readonly providers: readonly string[];
  find(query: BookQuery): BookMatch | null;
  /** All rows of a provider in the order of the book; none for a provider that it does not have. */
  rowsOf(provider: string): readonly PriceRow[];
  /** The exact names of a provider's models, as the sources write them. */
  modelNames(provider: string): readonly string[];
}

const PROVIDER_OF_LINE = /^\{"provider":"([^"\\]+)"/;
/** Names of models are short; longer ones are not worth the patterns. */
const MAX_NAME_LENGTH = 256;
/** A snapshot's date at the end of a name: `-2026-02-01`, `-20260201`, `@20260201`. */
const DATE_SUFFIX = /[-@]20\d{2}(-?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])$/;

/**
 * Reads a book: lines of JSON, first the header, then a row each. The rows of a provider are parsed when they are first
 * needed, since a Metertap asks one or two of some twenty-five.
 *
 * @throws Error where it is no book of this schema; a faulty row throws when its provider is first asked for
 */
export function readBundledBook(text: string): BundledBook {
  const [first = '', ...lines] = text.split('\n').filter((line) => line !== '');
  const header: unknown = JSON.parse(first);
  if (!isBookHeader(header) || header.schema !== BOOK_SCHEMA) {
    throw new Error(`the price book is not one of schema ${BOOK_SCHEMA}`);
  }
  const linesOf = Map.groupBy(lines, (line) => PROVIDER_OF_LINE.exec(line)?.[1] ?? '');
  if (linesOf.has('')) throw new Error('the price book has a row that does not begin with its provider');
  const shelves = new Map<string, Shelf>();
  const shelfOf = (provider: string): Shelf => {
    const known = shelves.get(provider);
    if (known !== undefined) return known;
    const shelf = new Shelf((linesOf.get(provider) ?? []).map(parseEntry));
    shelves.set(provider, shelf);
    linesOf.set(provider, []);
    return shelf;
  };
  return {
    header,
    providers: [...linesOf.keys()],
    find(query) {
      for (const provider of [query.provider, ...fallbacksOf(query.provider)]) {
        const match = shelfOf(provider).find(query.model, query.atMs);
        if (match !== null) return match;
      }
      return null;
    },
    rowsOf: (provider) => shelfOf(provider).rows,
    modelNames: (provider) => [provider, ...fallbacksOf(provider)].flatMap((name) => shelfOf(name).names),
  };
}

function fallbacksOf(provider: string): readonly string[] {
  return BOOK_PROVIDERS.find(({ name }) => name === provider)?.fallbacks ?? [];
}

function parseEntry(line: string): BookEntry {
  const parsed: unknown = JSON.parse(line);
  if (!isBookEntry(parsed)) throw new Error(`a row of the price book cannot be read: ${line.slice(0, 200)}`);
  return parsed;
}

interface Series {
  readonly rows: readonly PriceRow[];
  readonly sources: readonly string[];
  readonly notCharged: readonly string[];
}

/** The rows of one provider. */
class Shelf {
  readonly #entries: readonly BookEntry[];
  readonly #models: ReadonlyMap<string, string>;
  readonly #patterned: readonly BookEntry[];
  readonly #series = new Map<string, Series>();

  constructor(entries: readonly BookEntry[]) {
    this.#entries = entries;
    this.#models = new Map(entries.flatMap((entry) => namesOf(entry).map((name) => [name.toLowerCase(), entry.model])));
    this.#patterned = entries.filter((entry) => entry.patterns !== undefined);
  }

  get rows(): PriceRow[] {
    return [...new Set(this.#entries.map(({ model }) => model))].flatMap((model) => this.#seriesOf(model).rows);
  }

  get names(): string[] {
    return this.#entries.flatMap(namesOf);
  }

  find(model: string, atMs: number): BookMatch | null {
    if (model.length > MAX_NAME_LENGTH) return null;
    const name = model.toLowerCase();
    for (const [by, found] of this.#waysTo(name)) {
      if (found === undefined) continue;
      const { rows, sources, notCharged } = this.#seriesOf(found);
      const row = rowValidAt(rows, atMs);
      return row === null ? null : { row, by, sources, notCharged };
    }
    return null;
  }

  /** The series that a name may mean, the surest first. A name without its date goes before a pattern of the source. */
  *#waysTo(name: string): Generator<readonly [BookMatch['by'], string | undefined]> {
    yield ['name', this.#models.get(name)];
    yield ['undated', this.#models.get(name.replace(DATE_SUFFIX, ''))];
    yield ['pattern', this.#patterned.find((entry) => isMeant(entry, name))?.model];
  }

  #seriesOf(model: string): Series {
    const known = this.#series.get(model);
    if (known !== undefined) return known;
    const entries = this.#entries.filter((entry) => entry.model === model);
    const series = {
      rows: entries.map((entry) => readPriceRow(priceEntryOf(entry), 'book')),
      sources: [...new Set(entries.flatMap(sourcesOf))],
      notCharged: [...new Set(entries.flatMap(({ not_charged }) => not_charged ?? []))],
    };
    this.#series.set(model, series);
    return series;
  }
}

function namesOf({ names, model }: BookEntry): readonly string[] {
  return names ?? [model];
}

function sourcesOf({ source, supplement }: BookEntry): string[] {
  return supplement === undefined ? [source] : [source, supplement.source];
}

function isMeant({ patterns = [], except = [] }: BookEntry, name: string): boolean {
  const matches = (pattern: string) => matchesModel(pattern, name);
  return patterns.some(matches) && !except.some(matches);
}
