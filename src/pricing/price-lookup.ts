import { RecentCache } from '../core/recent-cache.ts';
import { providerOfUpstream } from './book-providers.ts';
import type { BookMatch, BundledBook } from './bundled-book.ts';
import { type ItemisedCost, itemiseCost, type RecordedCost } from './itemise.ts';
import { matchesModel } from './model-pattern.ts';
import { createPriceBook } from './price-book.ts';
import type { PriceEntry } from './price-entry.ts';
import { type PriceRow, readPriceRow } from './price-row.ts';
import { createPricer, type Pricer } from './pricer.ts';

/** Ids of rows whose rows are remembered: a ledger names few of them, again and again. */
const RECENT_IDS = 1_000;

/** What prices depend on; the configuration has it. */
export interface PriceSettings {
  readonly prices: readonly PriceEntry[];
  readonly upstreams: readonly PricedUpstream[];
}

export interface PricedUpstream {
  readonly name: string;
  readonly base_url: string;
  /** Models that it serves, exact or as globs; of all upstreams the first that matches wins. */
  readonly models: readonly string[];
}

export interface PriceQuestion {
  readonly model: string;
  /** The upstream's name; null for the one that calls of the model go to. */
  readonly upstream: string | null;
  readonly atMs: number;
}

/** The row that would apply to a call, and why. */
export interface PriceAnswer {
  readonly model: string;
  readonly upstream: string | null;
  readonly at: string;
  /** `none`: such a call is unpriced, which is not free. */
  readonly source: 'config' | 'book' | 'none';
  readonly why: string;
  readonly price: PriceView | null;
  readonly book: {
    readonly version: string;
    /** The sources of the row, where it is one of the book. */
    readonly sources: readonly string[];
    /** What the sources have a price for that no record counts. */
    readonly not_charged: readonly string[];
  };
}

/** A row for showing: its id, and the prices as they are written. */
export type PriceView = PriceEntry & { readonly id: string };

export interface PriceLookup extends Pricer {
  explain(question: PriceQuestion): PriceAnswer;
  /**
   * The line items of a cost that stands in a record. Null where no row of that id gives this cost any more: rows of the
   * configuration may have been changed since.
   */
  itemise(recorded: RecordedCost): ItemisedCost | null;
  /** The provider of the bundled book that an upstream is; null where it is none. */
  providerOf(upstream: string): string | null;
  /** All rows that can apply at an upstream, in the order in which they are tried. */
  rowsAt(upstream: string): readonly PriceRow[];
  /** The names that may be metric labels: as many as the rows for the configured upstreams, whatever clients send. */
  readonly modelNames: ReadonlySet<string>;
}

/**
 * Joins the prices of the configuration and the bundled book.
 *
 * @throws Error where a price cannot be read; a checked configuration has none such
 */
export function createPriceLookup(settings: PriceSettings, book: BundledBook): PriceLookup {
  const rows = settings.prices.map((entry) => readPriceRow(entry));
  const configured = createPriceBook(rows);
  const known = new Map(
    settings.upstreams.map(({ name, base_url }) => [name, providerOfUpstream({ name, baseUrl: base_url })]),
  );
  const providerOf = (upstream: string) =>
    (known.has(upstream) ? known.get(upstream) : providerOfUpstream({ name: upstream, baseUrl: '' })) ?? null;
  const pricer = createPricer(configured, { book, providerOf: (upstream) => providerOf(upstream)?.provider ?? null });
  const recentIds = new RecentCache<string, readonly PriceRow[]>(RECENT_IDS);
  const bookRows = (upstream: string) => {
    const provider = providerOf(upstream);
    return provider === null ? [] : book.rowsOf(provider.provider);
  };

  /** Rows of the configuration and of the book may have the same id. */
  function rowsWithId(id: string): readonly PriceRow[] {
    const known = recentIds.get(id);
    if (known !== undefined) return known;
    const provider = id.slice(0, Math.max(0, id.indexOf('/')));
    const named = [...rows, ...book.rowsOf(provider)].filter((row) => row.id === id);
    recentIds.set(id, named);
    return named;
  }

  function whyOf(row: PriceRow | null, match: BookMatch | null, question: PriceQuestion, upstream: string): string {
    if (row?.source === 'config') {
      return `prices[${rows.indexOf(row)}] of the configuration: provider ${row.provider}, model ${row.model}`;
    }
    const provider = providerOf(upstream);
    if (provider === null) {
      return `no row of the configuration matches, and neither the name nor the host of the upstream ${upstream} is a provider of the price book`;
    }
    const knownBy = `the upstream is ${provider.provider} by its ${provider.by}`;
    if (match === null) {
      return `no row of the configuration matches, and the price book has none for ${question.model}; ${knownBy}`;
    }
    return `the price book: ${question.model} ${FOUND[match.by]} ${match.row.provider}/${match.row.model}; ${knownBy}`;
  }

  return {
    ...pricer,
    explain(question) {
      const upstream = question.upstream ?? upstreamFor(settings.upstreams, question.model);
      const base = { model: question.model, upstream, at: new Date(question.atMs).toISOString() };
      const version = book.header.book_version;
      if (upstream === null) {
        const why = 'no upstream of the configuration serves the model';
        return { ...base, source: 'none', why, price: null, book: { version, sources: [], not_charged: [] } };
      }
      const call = { upstream, requestModel: question.model, responseModel: null, atMs: question.atMs };
      const row = pricer.findRow(call);
      const match = row?.source === 'config' ? null : pricer.findInBook(call);
      return {
        ...base,
        source: row?.source ?? 'none',
        why: whyOf(row, match, question, upstream),
        price: row === null ? null : viewOf(row),
        book: { version, sources: match?.sources ?? [], not_charged: match?.notCharged ?? [] },
      };
    },
    itemise(recorded) {
      for (const row of rowsWithId(recorded.priceId)) {
        const itemised = itemiseCost(row, recorded);
        if (itemised !== null) return itemised;
      }
      return null;
    },
    providerOf: (upstream) => providerOf(upstream)?.provider ?? null,
    rowsAt: (upstream) => [...rows.filter(({ provider }) => provider === upstream), ...bookRows(upstream)],
    modelNames: new Set([
      ...configured.modelNames,
      ...settings.upstreams.flatMap(({ name }) => {
        const provider = providerOf(name);
        return provider === null ? [] : book.modelNames(provider.provider);
      }),
    ]),
  };
}

const FOUND: Readonly<Record<BookMatch['by'], string>> = {
  name: 'is a name of',
  undated: 'without its date is a name of',
  pattern: 'is like a name of',
};

export function viewOf(row: PriceRow): PriceView {
  return { id: row.id, ...row.entry };
}

function upstreamFor(upstreams: readonly PricedUpstream[], model: string): string | null {
  const serves = ({ models }: PricedUpstream) => models.some((pattern) => matchesModel(pattern, model));
  return upstreams.find(serves)?.name ?? null;
}
