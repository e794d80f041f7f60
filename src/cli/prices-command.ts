import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import { findConfigPath, loadConfig } from '../config/load.ts';
import { readBundledBook } from '../pricing/bundled-book.ts';
import type { ContextTierEntry, PriceEntry } from '../pricing/price-entry.ts';
import { createPriceLookup, type PriceAnswer, type PriceLookup, viewOf } from '../pricing/price-lookup.ts';
import type { PriceRow } from '../pricing/price-row.ts';
import { readCommandLine } from './command-line.ts';
import { PRICES } from './commands/money.ts';
import { EXIT_CONFIG, EXIT_OK } from './exit-codes.ts';
import { cellText, textTable } from './text-table.ts';

/** What the command needs of the world; only the process edge has it. */
export interface PricesCommandContext {
  /** What follows `metertap prices`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly exists: (path: string) => boolean;
  /** The text of the bundled price book. */
  readonly readBook: () => string;
  readonly nowMs: () => number;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

const EXIT_UNPRICED = 1;

/** Runs `metertap prices show`. Gives the exit code: 0, 1 (unpriced), 2 (usage) or 78 (configuration). */
export function runPricesCommand(context: PricesCommandContext): number {
  const line = readCommandLine(PRICES, context);
  if (typeof line === 'number') return line;
  try {
    return showPrices(context, readOptions(line.args));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.writeError(`${error.message}\n`);
    return EXIT_CONFIG;
  }
}

type Options = ReturnType<typeof readOptions>;

function readOptions(args: string[]) {
  return parseArgs({ args, options: PRICES.options, allowPositionals: true }).values;
}

function showPrices(context: PricesCommandContext, { model, provider, config: flag, json }: Options): number {
  const path = findConfigPath({ flag: flag ?? null, env: context.env, exists: context.exists });
  const config = loadConfig({ path, env: context.env, readFile: context.readFile });
  const book = readBundledBook(context.readBook());
  const lookup = createPriceLookup(config, book);
  if (model !== undefined) {
    const answer = lookup.explain({ model, upstream: provider ?? null, atMs: context.nowMs() });
    context.write(json ? pretty(answer) : describeAnswer(answer));
    return answer.price === null ? EXIT_UNPRICED : EXIT_OK;
  }
  const upstreams = provider === undefined ? config.upstreams.map(({ name }) => name) : [provider];
  const rows = [...new Set(upstreams.flatMap((name) => lookup.rowsAt(name)))];
  context.write(json ? pretty(listing(book.header.book_version, rows)) : describeRows(rows));
  return EXIT_OK;
}

function listing(bookVersion: string, rows: ReturnType<PriceLookup['rowsAt']>) {
  return { book_version: bookVersion, data: rows.map((row) => ({ source: row.source, ...viewOf(row) })) };
}

function describeAnswer({ model, upstream, price, why, book }: PriceAnswer): string {
  const heading = `${cellText(model)} at ${cellText(upstream)}: ${price === null ? 'unpriced' : cellText(price.id)}\n`;
  const reason = `because: ${cellText(why)}\n`;
  if (price === null) return heading + reason;
  const { id: _id, provider: _provider, model: _model, ...written } = price;
  const sources = book.sources.length === 0 ? '' : `from: ${book.sources.join(', ')}, price book of ${book.version}\n`;
  const uncounted = book.not_charged.length === 0 ? '' : `not charged: ${book.not_charged.join(', ')}\n`;
  return `${heading}${reason}${sources}${uncounted}${priceLines(written, '  ').join('\n')}\n`;
}

type WrittenPrices = Partial<ContextTierEntry & Omit<PriceEntry, 'provider' | 'model'>>;

/** One line for each price, tiers with theirs below them. */
function priceLines(prices: WrittenPrices, indent: string): string[] {
  const { context_tiers = [], service_tiers = {}, hours_utc, above_input_tokens: _above, ...flat } = prices;
  const deeper = `${indent}  `;
  return [
    ...Object.entries(flat).flatMap(([name, value]) => (value === undefined ? [] : [`${indent}${name}: ${value}`])),
    ...(hours_utc === undefined ? [] : [`${indent}hours_utc: ${hours_utc.join(', ')}`]),
    ...context_tiers.flatMap((tier) => [
      `${indent}above ${tier.above_input_tokens} input tokens`,
      ...priceLines(tier, deeper),
    ]),
    ...Object.entries(service_tiers).flatMap(([name, tier]) => [
      `${indent}service tier ${cellText(name)}`,
      ...priceLines(tier, deeper),
    ]),
  ];
}

function describeRows(rows: readonly PriceRow[]): string {
  if (rows.length === 0) return 'No rows.\n';
  const price = (title: string, textOf: (row: PriceRow) => string | undefined) => ({
    title,
    isNumber: true,
    textOf: (row: PriceRow) => textOf(row) ?? '-',
  });
  return textTable(rows, [
    { title: 'ID', textOf: ({ id }) => cellText(id) },
    { title: 'SOURCE', textOf: ({ source }) => source },
    price('INPUT', ({ entry }) => entry.input_per_mtok),
    price('CACHED', ({ entry }) => entry.cached_input_per_mtok),
    price('CACHE WRITE', ({ entry }) => entry.cache_write_per_mtok),
    price('OUTPUT', ({ entry }) => entry.output_per_mtok),
    { title: 'TIERS', textOf: tiersText },
  ]);
}

function tiersText({ contextTiers, serviceTiers }: PriceRow): string {
  const tiers = [...contextTiers.map(({ aboveInputTokens }) => `>${aboveInputTokens}`), ...serviceTiers.keys()];
  return tiers.length === 0 ? '-' : tiers.join(' ');
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
