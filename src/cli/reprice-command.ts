import { parseArgs } from 'node:util';
import { formatUsd, parseSignedUsd } from '../core/money.ts';
import { readCommandLine } from './command-line.ts';
import { REPRICE } from './commands/money.ts';
import { EXIT_FAILURE, EXIT_OK } from './exit-codes.ts';
import type { ManagedContext } from './managed-command.ts';
import { changeManagement, listOf, ManagementFailure, memberOf } from './management-client.ts';
import { cellText, textTable } from './text-table.ts';

const PAGES_PER_LINE = 10;
const COUNTS = ['examined', 'corrected', 'unchanged', 'unpriced', 'without_price', 'changed_meanwhile'] as const;

/** Runs `metertap reprice`. Gives the exit code: 0, 1 (not done, or not to its end) or 2 (usage). */
export async function runRepriceCommand(context: ManagedContext): Promise<number> {
  const line = readCommandLine(REPRICE, context);
  if (typeof line === 'number') return line;
  const options = readOptions(line.args);
  const summary = new Summary(options['dry-run'] ?? false);
  try {
    await repriceAll(context, options, summary);
  } catch (error) {
    if (!context.stop.aborted && !(error instanceof ManagementFailure)) throw error;
    const why = error instanceof ManagementFailure ? error.message : 'Stopped.';
    context.writeError(`${why}\nWhat is corrected stays; run the command again to go on.\n`);
    return EXIT_FAILURE;
  }
  context.write(options.json ? `${JSON.stringify(summary.json(), null, 2)}\n` : summary.text());
  return EXIT_OK;
}

type Options = ReturnType<typeof readOptions>;

function readOptions(args: string[]) {
  return parseArgs({ args, options: REPRICE.options }).values;
}

async function repriceAll(context: ManagedContext, options: Options, summary: Summary): Promise<void> {
  let cursor: unknown;
  for (let pages = 1; ; pages++) {
    const page = await changeManagement(context, '/reprice', {
      method: 'POST',
      body: {
        start_time: options.from,
        end_time: options.to,
        model: options.model,
        team: options.team,
        upstream: options.upstream,
        reason: options.reason,
        dry_run: options['dry-run'] ?? false,
        cursor,
      },
    });
    summary.add(page);
    cursor = memberOf(page, 'next_cursor');
    if (typeof cursor !== 'string') return;
    if (pages % PAGES_PER_LINE === 0) context.writeError(summary.progress());
  }
}

interface ModelSum {
  readonly upstream: string;
  readonly model: string;
  corrected: number;
  beforeNanoUsd: bigint;
  afterNanoUsd: bigint;
}

/** Adds up the pages of one run. */
class Summary {
  readonly #dryRun: boolean;
  readonly #counts = new Map<string, number>(COUNTS.map((name) => [name, 0]));
  readonly #models = new Map<string, ModelSum>();
  #keptFrom: string | null = null;

  constructor(dryRun: boolean) {
    this.#dryRun = dryRun;
  }

  add(page: unknown): void {
    for (const name of COUNTS) this.#counts.set(name, this.#count(name) + Number(memberOf(page, name) ?? 0));
    for (const row of listOf(page, 'by_model')) this.#addModel(row);
    const keptFrom = memberOf(page, 'records_kept_from');
    if (typeof keptFrom === 'string') this.#keptFrom = keptFrom;
  }

  #addModel(row: unknown): void {
    const [upstream, model] = [cellText(memberOf(row, 'upstream')), cellText(memberOf(row, 'model'))];
    const key = `${upstream}\n${model}`;
    const sum = this.#models.get(key) ?? { upstream, model, corrected: 0, beforeNanoUsd: 0n, afterNanoUsd: 0n };
    sum.corrected += Number(memberOf(row, 'corrected') ?? 0);
    sum.beforeNanoUsd += parseSignedUsd(String(memberOf(row, 'cost_before_usd'))) ?? 0n;
    sum.afterNanoUsd += parseSignedUsd(String(memberOf(row, 'cost_after_usd'))) ?? 0n;
    this.#models.set(key, sum);
  }

  #count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  progress(): string {
    return `${this.#count('examined')} records looked at, ${this.#count('corrected')} ${this.#verb()}\n`;
  }

  json(): object {
    return {
      dry_run: this.#dryRun,
      ...Object.fromEntries(this.#counts),
      corrections_usd: formatUsd(this.#delta()),
      by_model: [...this.#models.values()].map(({ beforeNanoUsd, afterNanoUsd, ...sum }) => ({
        ...sum,
        cost_before_usd: formatUsd(beforeNanoUsd),
        cost_after_usd: formatUsd(afterNanoUsd),
        corrections_usd: formatUsd(afterNanoUsd - beforeNanoUsd),
      })),
      records_kept_from: this.#keptFrom,
    };
  }

  text(): string {
    const number = (title: string, textOf: (sum: ModelSum) => string) => ({ title, isNumber: true, textOf });
    const table = textTable(
      [...this.#models.values()],
      [
        { title: 'UPSTREAM', textOf: ({ upstream }) => upstream },
        { title: 'MODEL', textOf: ({ model }) => model },
        number('RECORDS', ({ corrected }) => String(corrected)),
        number('BEFORE USD', ({ beforeNanoUsd }) => formatUsd(beforeNanoUsd)),
        number('AFTER USD', ({ afterNanoUsd }) => formatUsd(afterNanoUsd)),
        number('CORRECTIONS USD', ({ beforeNanoUsd, afterNanoUsd }) => formatUsd(afterNanoUsd - beforeNanoUsd)),
      ],
    );
    const rest = [
      ['unchanged', 'cost the same'],
      ['unpriced', 'still have no price'],
      ['without_price', 'keep their cost, since no price is known for them now'],
      ['changed_meanwhile', 'were corrected by somebody else meanwhile'],
    ].flatMap(([name = '', text]) => (this.#count(name) === 0 ? [] : [`${this.#count(name)} ${text}\n`]));
    const kept = this.#keptFrom === null ? '' : `Records from before ${this.#keptFrom} may be gone by retention.\n`;
    const heading = `${this.#count('corrected')} of ${this.#count('examined')} records ${this.#verb()}: ${formatUsd(this.#delta())} USD\n`;
    return (this.#models.size === 0 ? '' : `${table}\n`) + heading + rest.join('') + kept;
  }

  #delta(): bigint {
    return [...this.#models.values()].reduce((sum, model) => sum + model.afterNanoUsd - model.beforeNanoUsd, 0n);
  }

  #verb(): string {
    return this.#dryRun ? 'would be corrected' : 'corrected';
  }
}
