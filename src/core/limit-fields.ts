import { parseDecimal } from './money.ts';

/**
 * A limit rule as plain data: the same shape in the configuration, in the management API and in the ledger (contract.md,
 * "Limits"). What it means is for the limits room; which rules make sense is said here, once for all who read them.
 */
export interface LimitFields {
  readonly requests?: number | undefined;
  readonly tokens?: number | undefined;
  readonly input_tokens?: number | undefined;
  readonly output_tokens?: number | undefined;
  readonly tool_calls?: number | undefined;
  /** A decimal string in US dollars. */
  readonly budget_usd?: string | undefined;
  readonly parallel?: number | undefined;
  readonly per?: LimitSpan | undefined;
  readonly window?: LimitWindow | undefined;
  readonly timezone?: string | undefined;
  readonly model?: string | undefined;
  readonly each?: LimitDimension | undefined;
  readonly hard?: boolean | undefined;
  readonly on_store_failure?: 'open' | 'closed' | undefined;
  readonly alert_at?: readonly number[] | undefined;
}

/** What a rule may limit; each rule limits exactly one. */
export const LIMIT_MEASURES = [
  'requests',
  'tokens',
  'input_tokens',
  'output_tokens',
  'tool_calls',
  'budget_usd',
  'parallel',
] as const;
export type LimitMeasure = (typeof LIMIT_MEASURES)[number];

export const LIMIT_SPANS = ['minute', 'hour', 'day', 'week', 'month', 'run', 'session', 'forever'] as const;
export type LimitSpan = (typeof LIMIT_SPANS)[number];

export const LIMIT_WINDOWS = ['calendar', 'rolling'] as const;
export type LimitWindow = (typeof LIMIT_WINDOWS)[number];

/** What a rule may be counted for, each on its own. */
export const LIMIT_DIMENSIONS = ['key', 'user', 'model', 'run', 'session'] as const;
export type LimitDimension = (typeof LIMIT_DIMENSIONS)[number];

/** Calls at the same time are not counted per stretch of time, only within something that ends. */
const SPANS_OF_PARALLEL: readonly (LimitSpan | undefined)[] = [undefined, 'run', 'session', 'forever'];
/** Days of a calendar; minutes and hours are rates, which fill up again all the time. */
const CALENDAR_SPANS: readonly (LimitSpan | undefined)[] = ['day', 'week', 'month'];
/** What of a stream can be seen to grow while it runs. */
const MEASURES_WITHIN_A_STREAM: readonly LimitMeasure[] = ['tokens', 'output_tokens', 'budget_usd'];

/** Money is counted in safe integers of nano-USD (design.md, "Decisions"). */
export const MAX_BUDGET_USD = 9_000_000;
const MAX_BUDGET_NANO_USD = BigInt(MAX_BUDGET_USD) * 1_000_000_000n;
/** Beyond this a count is no limit; sums of it and of holds stay safe integers. */
export const MAX_LIMIT = 1_000_000_000_000;

/** The measure of a rule; null where it has none, or several. */
export function measureOf(fields: LimitFields): LimitMeasure | null {
  const measures = LIMIT_MEASURES.filter((measure) => fields[measure] !== undefined);
  return measures.length === 1 ? (measures[0] ?? null) : null;
}

/** Says what makes no sense in a rule whose members have the right types, as it follows "the rule"; null: nothing. */
export function limitFault(fields: LimitFields): string | null {
  const measure = measureOf(fields);
  if (measure === null) return `must have exactly one of ${LIMIT_MEASURES.join(', ')}`;
  return amountFault(fields, measure) ?? spanFault(fields, measure) ?? optionFault(fields, measure);
}

function amountFault(fields: LimitFields, measure: LimitMeasure): string | null {
  if (measure === 'budget_usd') {
    const nanoUsd = parseDecimal(fields.budget_usd ?? '', 9);
    if (nanoUsd === null) return 'must have budget_usd as a decimal number, at most 9 decimals';
    if (nanoUsd === 0n) return `can never admit a call that costs anything: ${NEVER}`;
    return nanoUsd > MAX_BUDGET_NANO_USD ? `must have a budget_usd of at most ${MAX_BUDGET_USD}` : null;
  }
  const amount = fields[measure];
  if (amount === 0) return `can never admit a call: ${NEVER}`;
  return amount !== undefined && amount > MAX_LIMIT ? `must have at most ${MAX_LIMIT} ${measure}` : null;
}

const NEVER = 'give a limit above 0, or disable the key instead';

function spanFault(fields: LimitFields, measure: LimitMeasure): string | null {
  if (measure === 'parallel') {
    return SPANS_OF_PARALLEL.includes(fields.per)
      ? null
      : 'must have per: run, session or forever, or none, with parallel';
  }
  return fields.per === undefined ? `must say per what it counts: ${LIMIT_SPANS.join(', ')}` : null;
}

function optionFault(fields: LimitFields, measure: LimitMeasure): string | null {
  const isCalendar = CALENDAR_SPANS.includes(fields.per);
  if (fields.timezone !== undefined && !isCalendar) return 'takes a timezone only with per: day, week or month';
  if (fields.window !== undefined && !isCalendar) return 'takes a window only with per: day, week or month';
  if (fields.timezone !== undefined && fields.window === 'rolling') return 'takes no timezone with window: rolling';
  if (fields.hard === true && !MEASURES_WITHIN_A_STREAM.includes(measure)) {
    return `can be hard only with ${MEASURES_WITHIN_A_STREAM.join(', ')}`;
  }
  if (measure === 'parallel' && fields.alert_at !== undefined) return 'takes no alert_at with parallel';
  return null;
}
