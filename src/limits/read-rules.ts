import {
  LIMIT_DIMENSIONS,
  LIMIT_SPANS,
  LIMIT_WINDOWS,
  type LimitFields,
  limitFault,
  measureOf,
} from '../core/limit-fields.ts';
import { parseDecimal } from '../core/money.ts';
import type { LimitRule, RuleDefaults } from './limit-rule.ts';

/** Makes a rule of fields that were checked before. Throws RangeError for fields that `limitFault` refuses. */
export function ruleOf(fields: LimitFields, defaults: RuleDefaults): LimitRule {
  const fault = limitFault(fields);
  const measure = measureOf(fields);
  if (fault !== null || measure === null) throw new RangeError(`A limit rule ${fault}.`);
  const limit = measure === 'budget_usd' ? Number(parseDecimal(fields.budget_usd ?? '', 9)) : (fields[measure] ?? 0);
  return {
    measure,
    limit,
    per: fields.per ?? 'forever',
    window: fields.window ?? 'calendar',
    timeZone: fields.timezone ?? 'UTC',
    model: fields.model ?? null,
    each: fields.each ?? null,
    hard: fields.hard ?? false,
    onStoreFailure: fields.on_store_failure ?? defaults.onStoreFailure,
    alertAt: [...(fields.alert_at ?? defaults.alertAt)].sort((one, other) => one - other),
  };
}

/** The words of Pydantic AI's `UsageLimits` (wire.md 5.3), and those of our own rules that they mean. */
export const USAGE_LIMITS = {
  request_limit: 'requests',
  tool_calls_limit: 'tool_calls',
  input_tokens_limit: 'input_tokens',
  output_tokens_limit: 'output_tokens',
  total_tokens_limit: 'tokens',
  cost_limit: 'budget_usd',
} as const;
type UsageLimitWord = keyof typeof USAGE_LIMITS;

/** What was read of rules, or what is wrong with the first wrong one, as it follows "limits[0]". */
export type ReadRules =
  | { readonly kind: 'rules'; readonly rules: readonly LimitRule[] }
  | { readonly kind: 'fault'; readonly index: number; readonly message: string };

/** Reads rules of a team or key that were made over the management API. */
export function readRules(limits: readonly unknown[], defaults: RuleDefaults): ReadRules {
  return readEach(limits, defaults, (members) => readFields(members, RULE_MEMBERS));
}

/**
 * Reads the limits that were declared for a run: a list of objects, each a rule (`{"requests": 50}`; `per` is the run)
 * or words of `UsageLimits`, one or several in one object (`{"request_limit": 50, "cost_limit": "2.5"}`).
 */
export function readRunRules(limits: readonly unknown[], defaults: RuleDefaults): ReadRules {
  return readEach(limits, defaults, (members) =>
    members.every(([name]) => isUsageLimit(name)) ? readUsageLimits(members) : readRunRule(members),
  );
}

type Members = readonly (readonly [name: string, value: unknown])[];
/** The rules that an object says, or what is wrong with it. */
type ReadFields = LimitFields[] | string;

function readEach(
  limits: readonly unknown[],
  defaults: RuleDefaults,
  read: (members: Members) => ReadFields,
): ReadRules {
  const rules: LimitRule[] = [];
  for (const [index, entry] of limits.entries()) {
    const found = membersOf(entry);
    const fields = typeof found === 'string' ? found : read(found);
    if (typeof fields === 'string') return { kind: 'fault', index, message: fields };
    for (const one of fields) {
      const fault = limitFault(one);
      if (fault !== null) return { kind: 'fault', index, message: fault };
      rules.push(ruleOf(one, defaults));
    }
  }
  return { kind: 'rules', rules };
}

function membersOf(entry: unknown): Members | string {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return 'must be an object';
  const members = Object.entries(entry).filter(([, value]) => value !== null);
  return members.length === 0 ? 'must limit something' : members;
}

function readUsageLimits(members: Members): ReadFields {
  const rules: LimitFields[] = [];
  for (const [name, value] of members) {
    if (!isUsageLimit(name)) continue;
    const measure = USAGE_LIMITS[name];
    const kind = measure === 'budget_usd' ? money : count;
    const read = kind(value);
    if (read === null) return `must have ${kind.expects} as ${name}`;
    rules.push({ [measure]: read, per: 'run' });
  }
  return rules;
}

function readRunRule(members: Members): ReadFields {
  const fields = readFields(members, RUN_RULE_MEMBERS);
  if (typeof fields === 'string') return fields;
  if (fields.some(({ per }) => per !== undefined && per !== 'run')) {
    return 'must have per: run, or none: the limits of a run count the run';
  }
  return fields.map((one) => ({ ...one, per: 'run' }));
}

function readFields(members: Members, kinds: Readonly<Record<string, MemberKind>>): ReadFields {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of members) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) {
      const allowed = [...Object.keys(kinds), ...Object.keys(USAGE_LIMITS)].join(', ');
      return `has the unknown member ${JSON.stringify(name)}; allowed are ${allowed}`;
    }
    const read = kind(value);
    if (read === null) return `must have ${kind.expects} as ${name}`;
    fields[name] = read;
  }
  return [fields];
}

/** Gives the value of a member if it is right, else null. */
interface MemberKind {
  (value: unknown): unknown;
  readonly expects: string;
}

function kindOf(expects: string, read: (value: unknown) => unknown): MemberKind {
  return Object.assign((value: unknown) => read(value), { expects });
}

const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const count = kindOf('a whole number from 1', (value) => (isCount(value) ? value : null));
const money = kindOf('a decimal number such as "2.5", at most 9 decimals,', (value) => {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && parseDecimal(text, 9) !== null ? text : null;
});
const text = kindOf('a text', (value) => (typeof value === 'string' && value !== '' ? value : null));
const flag = kindOf('true or false', (value) => (typeof value === 'boolean' ? value : null));
const shares = kindOf('a list of whole numbers from 1 to 100', (value) =>
  Array.isArray(value) && value.every((share) => isCount(share) && share >= 1 && share <= 100) ? value : null,
);
const zone = kindOf('the name of a time zone', (value) => (isTimeZone(value) ? value : null));
const oneOf = (words: readonly string[]): MemberKind =>
  kindOf(words.join(' or '), (value) => (words.some((word) => word === value) ? value : null));

const RUN_RULE_MEMBERS: Readonly<Record<string, MemberKind>> = {
  requests: count,
  tokens: count,
  input_tokens: count,
  output_tokens: count,
  tool_calls: count,
  budget_usd: money,
  parallel: count,
  per: oneOf(LIMIT_SPANS),
  model: text,
  hard: flag,
  on_store_failure: oneOf(['open', 'closed']),
};
const RULE_MEMBERS: Readonly<Record<string, MemberKind>> = {
  ...RUN_RULE_MEMBERS,
  window: oneOf(LIMIT_WINDOWS),
  timezone: zone,
  each: oneOf(LIMIT_DIMENSIONS),
  alert_at: shares,
};

function isTimeZone(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
  } catch {
    return false; // a RangeError is how Intl says that it knows no such zone
  }
}

function isUsageLimit(name: string): name is UsageLimitWord {
  return Object.hasOwn(USAGE_LIMITS, name);
}
