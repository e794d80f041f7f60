import { MetertapError } from '../core/errors.ts';
import { type LimitFields, limitFault } from '../core/limit-fields.ts';
import type { LimitRule, RuleDefaults } from './limit-rule.ts';
import { ruleOf, USAGE_LIMITS } from './read-rules.ts';
import type { LateCall, PlannedCall } from './reservation.ts';
import { type CountedAt, countersOf, type RuleCounter } from './rule-counter.ts';

export const RUN_LIMITS_HEADER = 'x-metertap-run-limits';

/** What a client may say of its own run: our words, and those of `UsageLimits`. */
const HEADER_WORDS: ReadonlyMap<string, string> = new Map([
  ...['requests', 'tokens', 'input_tokens', 'output_tokens', 'tool_calls', 'budget_usd', 'parallel'].map(
    (word): [string, string] => [word, word],
  ),
  ...Object.entries(USAGE_LIMITS),
]);
const MAX_HEADER_LENGTH = 1_024;

/**
 * Reads `x-metertap-run-limits: requests=50,tokens=200000,budget_usd=2.5`.
 *
 * @returns the rules, or what is wrong with the header, as it follows its name
 */
export function readRunLimitsHeader(text: string, defaults: RuleDefaults): readonly LimitRule[] | string {
  if (text.length > MAX_HEADER_LENGTH) return `must not be longer than ${MAX_HEADER_LENGTH} characters`;
  const seen = new Set<string>();
  const rules: LimitRule[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*([a-z_]+)\s*=\s*([0-9.]{1,32})\s*$/.exec(part);
    const measure = match === null ? undefined : HEADER_WORDS.get(match[1] ?? '');
    if (match === null || measure === undefined) {
      return `must be pairs such as requests=50,tokens=200000,budget_usd=2.5, of ${[...HEADER_WORDS.keys()].join(', ')}`;
    }
    if (seen.has(measure)) return `names ${measure} twice`;
    seen.add(measure);
    const value = match[2] ?? '';
    if (measure !== 'budget_usd' && !/^\d{1,15}$/.test(value)) return `must have a whole number as ${match[1]}`;
    const fields: LimitFields = { [measure]: measure === 'budget_usd' ? value : Number(value), per: 'run' };
    const fault = limitFault(fields);
    if (fault !== null) return fault;
    rules.push(ruleOf(fields, defaults));
  }
  return rules;
}

export interface Tightening {
  readonly at: CountedAt;
  readonly defaults: RuleDefaults;
  /** Told of a rule that would loosen what the run may use, and is ignored. */
  readonly onLoosening: (rule: LimitRule) => void;
}

/**
 * The counters that a client's own header adds: it may only tighten what its run may use. It holds for the calls that
 * carry it.
 *
 * @param standing the counters that the call counts for without it
 * @throws MetertapError `invalid_attribution`
 */
export function tightened(
  call: Pick<LateCall, 'caller' | 'ids'> & Pick<PlannedCall, 'runLimits'>,
  standing: readonly RuleCounter[],
  { at, defaults, onLoosening }: Tightening,
): RuleCounter[] {
  const rules = readRunLimitsHeader(call.runLimits ?? '', defaults);
  const { runId } = call.ids;
  if (typeof rules === 'string') throw badHeader(rules);
  if (runId === null) throw badHeader('limits a run, but the call names none: send x-metertap-run-id too');
  const own = rules.flatMap((rule) => countersOf(rule, { team: call.caller.team, keyId: null, runId }, at));
  return own.filter((counter) => {
    const isTighter = standing.every(({ key, limit }) => key !== counter.key || counter.limit <= limit);
    if (!isTighter) onLoosening(counter.rule);
    return isTighter;
  });
}

function badHeader(fault: string): MetertapError {
  return new MetertapError('invalid_attribution', `The header ${RUN_LIMITS_HEADER} ${fault}.`, {
    param: RUN_LIMITS_HEADER,
  });
}
