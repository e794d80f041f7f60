import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import { findConfigPath, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { type BookDifference, compareBooks, comparePrices, type RowChange } from '../pricing/book-difference.ts';
import { type BundledBook, readBundledBook } from '../pricing/bundled-book.ts';
import { createPriceLookup } from '../pricing/price-lookup.ts';
import { faultText, readCommandLine } from './command-line.ts';
import { PRICES } from './commands/money.ts';
import { EXIT_CONFIG, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';
import { askManagement, listOf, type ManagementAccess, ManagementFailure, memberOf } from './management-client.ts';
import { NewerPricesFault, readNewerPrices } from './newer-prices.ts';
import { cellText } from './text-table.ts';

/** What the command needs of the world; only the process edge has it. */
export interface PricesCheckContext extends ManagementAccess {
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

const EXIT_DIFFERS = 1;
const DAY_MS = 86_400_000;

/** An override of the configuration, and what it says otherwise than the newest book. */
interface Override extends RowChange {
  readonly book_id: string;
}

interface Findings {
  readonly book: BookDifference | null;
  /** Providers and models that a fetched book says nothing of that could be compared. */
  readonly not_compared: readonly string[];
  readonly overrides: readonly Override[];
  /** Null where no Metertap could be asked. */
  readonly unpriced: readonly unknown[] | null;
}

/** Runs `metertap prices check`. Gives the exit code: 0, 1 (something differs), 2 (usage) or 78 (configuration). */
export async function runPricesCheckCommand(context: PricesCheckContext): Promise<number> {
  const line = readCommandLine(PRICES, context);
  if (typeof line === 'number') return line;
  const options = readOptions(line.args);
  const fault = faultOf(options);
  if (fault !== null) {
    context.writeError(faultText(PRICES, fault));
    return EXIT_USAGE;
  }
  const days = Number(options.days ?? '30');
  const text = context.readBook();
  try {
    const path = findConfigPath({ flag: options.config ?? null, env: context.env, exists: context.exists });
    const config = loadConfig({ path, env: context.env, readFile: context.readFile });
    const newer = await readNewerPrices(context, options, text);
    const bundled = readBundledBook(text);
    const findings: Findings = {
      book: newer === null ? null : compareBooks(bundled, newer.book),
      not_compared: newer?.notCompared ?? [],
      overrides: overridesOf(config, newer?.book ?? bundled, context.nowMs()),
      unpriced: await unpricedModels(context, days),
    };
    context.write(options.json ? `${JSON.stringify(findings, null, 2)}\n` : describe(findings, days));
    return differs(findings) ? EXIT_DIFFERS : EXIT_OK;
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof NewerPricesFault)) throw error;
    context.writeError(`${error.message}\n`);
    return error instanceof ConfigError ? EXIT_CONFIG : error.exitCode;
  }
}

type Options = ReturnType<typeof readOptions>;

function readOptions(args: string[]) {
  return parseArgs({ args, options: PRICES.options, allowPositionals: true }).values;
}

function faultOf({ days = '30', book, url, fetch: isFetched = false }: Options): string | null {
  if (!/^\d{1,4}$/.test(days) || Number(days) < 1 || Number(days) > 3_650) {
    return `--days ${JSON.stringify(days)} is no whole number from 1 to 3650.`;
  }
  if ([book !== undefined, url !== undefined, isFetched].filter(Boolean).length > 1) {
    return '--book, --url and --fetch each name a newer book; give one of them.';
  }
  const isAddress = url === undefined || (URL.canParse(url) && ['http:', 'https:'].includes(new URL(url).protocol));
  return isAddress ? null : `--url ${JSON.stringify(url)} is no http or https address.`;
}

/** The overrides of single models that the book has a row for, with what they say otherwise. */
function overridesOf(config: Config, book: BundledBook, nowMs: number): Override[] {
  const lookup = createPriceLookup(config, book);
  return config.prices.flatMap((entry) => {
    const call = { upstream: entry.provider, requestModel: entry.model, responseModel: null, atMs: nowMs };
    const match = entry.model.includes('*') ? null : lookup.findInBook(call);
    const row = lookup.rowsAt(entry.provider).find((candidate) => candidate.entry === entry);
    if (match === null || row === undefined) return [];
    return [{ id: row.id, book_id: match.row.id, changes: comparePrices(match.row.entry, entry) }];
  });
}

async function unpricedModels(context: PricesCheckContext, days: number): Promise<readonly unknown[] | null> {
  const start = new Date(context.nowMs() - days * DAY_MS).toISOString();
  try {
    return listOf(await askManagement(context, '/prices/unpriced', { start_time: start }), 'data');
  } catch (error) {
    if (!(error instanceof ManagementFailure)) throw error;
    context.writeError(`Models without a price are not looked for: ${error.message}\n`);
    return null;
  }
}

/** An override is meant to differ from the book; that alone is no finding. */
function differs({ book, unpriced }: Findings): boolean {
  const rows = book === null ? 0 : book.added.length + book.changed.length + book.ended.length;
  return rows > 0 || (unpriced?.length ?? 0) > 0;
}

function describe(findings: Findings, days: number): string {
  const { book, not_compared: notCompared, overrides, unpriced } = findings;
  const lines = [
    ...(book === null
      ? [
          'No newer book was named: --fetch gets the newest prices of genai-prices, --book FILE has them in a file.',
          'Only overrides and models without a price are looked at.',
        ]
      : [`The book in use is of ${cellText(book.before)}, the newer one of ${cellText(book.after)}.`]),
    ...rowLines('added', book?.added ?? []),
    ...rowLines('changed', book?.changed ?? []),
    ...(book?.ended ?? []).map((id) => `ended    ${cellText(id)}`),
    ...notCompared.map((name) => `unknown  ${cellText(name)}: the newer book has it in words that are not known here`),
    ...overrides.flatMap(({ id, book_id, changes }) => [
      `override ${cellText(id)} ${changes.length === 0 ? 'says the same as' : 'differs from'} ${cellText(book_id)}`,
      ...changeLines(changes),
    ]),
    ...(unpriced ?? []).map(
      (row) =>
        `unpriced ${cellText(memberOf(row, 'model'))} at ${cellText(memberOf(row, 'upstream'))}: ${cellText(memberOf(row, 'calls'))} calls in ${days} days, the last on ${cellText(memberOf(row, 'last_day'))}`,
    ),
  ];
  const isRight = !differs(findings);
  return `${[...lines, ...(isRight ? ['Nothing to do.'] : [])].join('\n')}\n`;
}

function rowLines(kind: string, rows: readonly RowChange[]): string[] {
  return rows.flatMap(({ id, changes }) => [`${kind.padEnd(8)} ${cellText(id)}`, ...changeLines(changes)]);
}

function changeLines(changes: RowChange['changes']): string[] {
  return changes.map(
    ({ price, before, after, percent }) =>
      `           ${cellText(price)}: ${before ?? '-'} → ${after ?? '-'}${percent === null ? '' : ` (${percent} %)`}`,
  );
}
