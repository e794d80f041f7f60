import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import { findConfigPath, loadConfig } from '../config/load.ts';
import { parseDecimal } from '../core/money.ts';
import { readMoment } from '../reporting/moment.ts';
import { type Figures, type Reconciliation, reconcile } from '../reporting/reconciliation.ts';
import { faultText, readCommandLine } from './command-line.ts';
import { RECONCILE } from './commands/money.ts';
import { EXIT_CONFIG, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';
import { type ManagementAccess, ManagementFailure } from './management-client.ts';
import { type DayRange, readOrganization } from './organization-client.ts';
import { readOwnUsage } from './own-usage.ts';
import { cellText, textTable } from './text-table.ts';

/** What the command needs of the world; only the process edge has it. */
export interface ReconcileContext extends ManagementAccess {
  /** What follows `metertap reconcile`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly exists: (path: string) => boolean;
  readonly nowMs: () => number;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

const EXIT_DRIFT = 1;
const DAY_MS = 86_400_000;

/** Runs `metertap reconcile`. Gives the exit code: 0, 1 (drift, or no answer), 2 (usage) or 78 (configuration). */
export async function runReconcileCommand(context: ReconcileContext): Promise<number> {
  const line = readCommandLine(RECONCILE, context);
  if (typeof line === 'number') return line;
  const options = readOptions(line.args);
  const question = readQuestion(options);
  if (typeof question === 'string') {
    context.writeError(faultText(RECONCILE, question));
    return EXIT_USAGE;
  }
  try {
    const upstream = upstreamOf(context, options);
    const [own, theirs] = await Promise.all([
      readOwnUsage(context, upstream.name, question.range),
      readOrganization({ ...upstream, stop: context.stop }, question.range),
    ]);
    const today = new Date(context.nowMs()).toISOString().slice(0, 10);
    const result = reconcile({ ours: own.side, doubts: own.doubts, theirs, ...question, today });
    const told = { upstream: upstream.name, start_day: options.from, end_day: options.to, ...result };
    context.write(options.json ? `${JSON.stringify(told, null, 2)}\n` : describe(upstream.name, result));
    return result.within_tolerance ? EXIT_OK : EXIT_DRIFT;
  } catch (error) {
    if (!context.stop.aborted && !(error instanceof ManagementFailure) && !(error instanceof ConfigError)) throw error;
    if (error instanceof Error) context.writeError(`${error.message}\n`);
    return error instanceof ConfigError ? EXIT_CONFIG : EXIT_DRIFT;
  }
}

type Options = ReturnType<typeof readOptions>;

function readOptions(args: string[]) {
  return parseArgs({ args, options: RECONCILE.options }).values;
}

/** What is compared, or a sentence that says which option is wrong. */
function readQuestion({ from, to, key = [], tolerance = '1' }: Options) {
  const days = { '--from': from ?? '', '--to': to ?? '' };
  for (const [option, text] of Object.entries(days)) {
    const fault = dayFault(option, text);
    if (fault !== null) return fault;
  }
  const range: DayRange = { startMs: readMoment(days['--from']) ?? 0, endMs: readMoment(days['--to']) ?? 0 };
  const toleranceBasisPoints = parseDecimal(tolerance, 2);
  const pairs = key.map((pair) => pair.split('='));
  if (range.endMs <= range.startMs) return '--to must be after --from: it is the day after the last one.';
  if (toleranceBasisPoints === null) return '--tolerance is a percentage with at most two decimals, such as 0.5.';
  if (pairs.some((pair) => pair.length !== 2 || pair.includes(''))) return '--key is written as OURS=THEIRS.';
  const keyNames = new Map(pairs.map(([ours = '', theirs = '']) => [ours, theirs]));
  return { range, keyNames, toleranceBasisPoints: Number(toleranceBasisPoints) };
}

/** Both sides are compared day by day, so a time within a day is refused. */
function dayFault(option: string, text: string): string | null {
  const ms = readMoment(text);
  if (ms === null) return `${option} ${JSON.stringify(text)} is no day of UTC such as 2026-11-01.`;
  if (ms % DAY_MS === 0) return null;
  const before = ms - (ms % DAY_MS);
  return `${option} ${JSON.stringify(text)} is within a day of UTC. Give ${dayText(before)} or ${dayText(before + DAY_MS)}.`;
}

function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function upstreamOf(context: ReconcileContext, options: Options): { name: string; baseUrl: string; adminKey: string } {
  const path = findConfigPath({ flag: options.config ?? null, env: context.env, exists: context.exists });
  const { upstreams } = loadConfig({ path, env: context.env, readFile: context.readFile });
  const upstream = upstreams.find(({ name }) => options.upstream === undefined || name === options.upstream);
  if (upstream === undefined) {
    const names = upstreams.map(({ name }) => name).join(', ');
    throw new ManagementFailure(`There is no upstream ${cellText(options.upstream)}. There are: ${names}.`);
  }
  if (upstream.admin_api_key === undefined) {
    throw new ManagementFailure(
      `The upstream ${upstream.name} has no admin_api_key: set it in the configuration, or METERTAP_UPSTREAM_ADMIN_KEY for the first upstream.`,
    );
  }
  return { name: upstream.name, baseUrl: upstream.base_url, adminKey: upstream.admin_api_key };
}

function describe(upstream: string, result: Reconciliation): string {
  const drifting = result.rows.filter(
    ({ drift }) => drift.input_tokens !== 0 || drift.output_tokens !== 0 || hasCost(drift),
  );
  const costs = result.costs_by_day.filter(({ drift_usd }) => !isZero(drift_usd));
  return [
    textTable(
      [
        { name: 'here', figures: result.ours },
        { name: upstream, figures: result.theirs },
        { name: 'drift', figures: result.drift },
      ],
      [
        { title: '', textOf: ({ name }) => cellText(name) },
        ...(['requests', 'input_tokens', 'output_tokens', 'cost_usd'] as const).map((name) => ({
          title: name.replace('_', ' ').toUpperCase(),
          isNumber: true,
          textOf: ({ figures }: { figures: Figures }) => cellText(figures[name]),
        })),
      ],
    ),
    ...drifting.map(
      ({ day, model, drift, reasons }) =>
        `${day} ${cellText(model)}: ${signed(drift.input_tokens)} input, ${signed(drift.output_tokens)} output tokens, ${cellText(drift.cost_usd)} USD\n${reasons.map((reason) => `    ${cellText(reason)}\n`).join('')}`,
    ),
    ...costs.map(
      ({ day, drift_usd, ours_usd, theirs_usd }) =>
        `${day}: ${drift_usd} USD (here ${ours_usd}, there ${theirs_usd})\n`,
    ),
    ...result.by_key
      .filter(({ drift }) => drift !== null && (drift.input_tokens !== 0 || drift.output_tokens !== 0))
      .map(
        ({ key, drift }) =>
          `key ${cellText(key)}: ${signed(drift?.input_tokens ?? 0)} input, ${signed(drift?.output_tokens ?? 0)} output tokens\n`,
      ),
    ...result.other_upstream_keys.map(
      (key) =>
        `key ${cellText(key.key)} of the upstream is none of ours by name: ${key.requests} requests (--key OURS=${cellText(key.key)} pairs them)\n`,
    ),
    result.within_tolerance ? 'Within the tolerance.\n' : 'Beyond the tolerance.\n',
  ].join('\n');
}

function hasCost({ cost_usd }: Figures): boolean {
  return cost_usd !== null && !isZero(cost_usd);
}

function isZero(usd: string): boolean {
  return /^-?0\.0+$/.test(usd);
}

function signed(count: number): string {
  return count > 0 ? `+${count}` : String(count);
}
