import { type BookEntry, isBookEntry, type Supplement } from '../book-entry.ts';
import { BOOK_SCHEMA } from '../bundled-book.ts';
import { PROVIDER_SOURCES } from './book-sources.ts';
import type { GenaiData, GenaiModel, GenaiProvider } from './genai-data.ts';
import { GENAI_PRICES, genaiModelRows } from './genai-prices.ts';
import { matchWords } from './match-rules.ts';

export interface NewerBook {
  /** JSON lines, as a book is written. */
  readonly text: string;
  /** Providers and models that the data has otherwise than the book has words for, or no more: as the book has them. */
  readonly notCompared: readonly string[];
}

/**
 * Makes a book of newer data of genai-prices, for a look at what has changed since a book was made. Rows of the second
 * source, and what it adds to others, are taken over from that book: the data does not have them.
 *
 * @param bookText the book that is compared with
 * @param bookVersion the day that the data is of
 */
export function newerBook(data: GenaiData, bookText: string, bookVersion: string): NewerBook {
  const [header = '', ...lines] = bookText.split('\n').filter((line) => line !== '');
  const before = lines.map(entryOf);
  const notCompared = [...data.unread];
  const entries = PROVIDER_SOURCES.flatMap(({ name, genaiPrices }) => {
    const known = before.filter((entry) => entry.provider === name);
    const provider = data.providers.find(({ id }) => id === genaiPrices);
    if (provider === undefined) {
      notCompared.push(name);
      return known;
    }
    const carried = known.filter(({ source }) => source !== GENAI_PRICES);
    return [...freshRows({ name, provider, known }, notCompared), ...carried];
  });
  const written = { ...headerOf(header), schema: BOOK_SCHEMA, book_version: bookVersion };
  return { text: [written, ...entries].map((line) => JSON.stringify(line)).join('\n'), notCompared };
}

interface Fresh {
  /** Of the book. */
  readonly name: string;
  readonly provider: GenaiProvider;
  readonly known: readonly BookEntry[];
}

/** Model by model, so that one that the book has no words for does not keep the others from being compared. */
function freshRows({ name, provider, known }: Fresh, notCompared: string[]): BookEntry[] {
  const prefix = `${provider.id}/`;
  const unread = new Set(
    notCompared.flatMap((model) => (model.startsWith(prefix) ? [model.slice(prefix.length)] : [])),
  );
  const read = <Result>(model: GenaiModel, work: () => Result): Result | null => {
    try {
      return work();
    } catch {
      unread.add(model.id); // what cannot be said in the words of the book is told as not compared
      notCompared.push(`${prefix}${model.id}`);
      return null;
    }
  };
  const models = provider.models.filter((model) => read(model, () => matchWords(model.match)) !== null);
  const rows = models.flatMap(
    (model) => read(model, () => genaiModelRows(name, { ...provider, models }, model))?.entries ?? [],
  );
  const kept = known.filter(({ source, model }) => source === GENAI_PRICES && unread.has(model));
  return [...rows.map((row) => withSupplement(row, known)), ...kept];
}

/** That of the same row before, else of its model's last one: the data cannot say that it has changed. */
function withSupplement(row: BookEntry, known: readonly BookEntry[]): BookEntry {
  const ofModel = known.filter(({ model, supplement }) => model === row.model && supplement !== undefined);
  const same = ofModel.find(
    ({ valid_from, hours_utc }) =>
      valid_from === row.valid_from && JSON.stringify(hours_utc) === JSON.stringify(row.hours_utc),
  );
  const isNew = !known.some(({ model, valid_from }) => model === row.model && valid_from === row.valid_from);
  const supplement: Supplement | undefined = (same ?? (isNew ? ofModel.at(-1) : undefined))?.supplement;
  return supplement === undefined ? row : { ...row, supplement };
}

function entryOf(line: string): BookEntry {
  const entry: unknown = JSON.parse(line);
  if (!isBookEntry(entry)) throw new Error(`a row of the price book cannot be read: ${line.slice(0, 200)}`);
  return entry;
}

function headerOf(line: string): object {
  const header: unknown = JSON.parse(line);
  return typeof header === 'object' && header !== null ? header : {};
}
