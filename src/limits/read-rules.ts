import { type LimitFields, limitFault, measureOf } from '../core/limit-fields.ts';
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

const RULE_MEMBERS: Readonly<Record<string, 'count' | 'money' | 'text' | 'flag'>> = {
  requests: 'count',
  tokens: 'count',
  input_tokens: 'count',
  output_tokens: 'count',
  tool_calls: 'count',
  parallel: 'count',
  budget_usd: 'money',
  per: 'text',
  model: 'text',
  hard: 'flag',
  on_store_failure: 'text',
};

/** What was read of a run's limits, or what is wrong with them, as it follows "limits[0]". */
export type ReadRules =
  | { readonly kind: 'rules'; readonly rules: readonly LimitRule[] }
  | { readonly kind: 'fault'; readonly index: number; readonly message: string };

/**
 * Reads the limits that were declared for a run: a list of objects, each a rule (`{"requests": 50}`; `per` is the run)
 * or words of `UsageLimits`, one or several in one object (`{"request_limit": 50, "cost_limit": "2.5"}`).
 */
export function readRunRules(limits: readonly unknown[], defaults: RuleDefaults): ReadRules {
  const rules: LimitRule[] = [];
  for (const [index, entry] of limits.entries()) {
    const read = readEntry(entry);
    if (typeof read === 'string') return { kind: 'fault', index, message: read };
    for (const fields of read) {
      const fault = limitFault(fields);
      if (fault !== null) return { kind: 'fault', index, message: fault };
      rules.push(ruleOf(fields, defaults));
    }
  }
  return { kind: 'rules', rules };
}

function readEntry(entry: unknown): LimitFields[] | string {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return 'must be an object';
  const members = Object.entries(entry).filter(([, value]) => value !== null);
  if (members.length === 0) return 'must limit something';
  return members.every(([name]) => isUsageLimit(name)) ? readUsageLimits(members) : readRule(members);
}

function readUsageLimits(members: readonly [string, unknown][]): LimitFields[] | string {
  const rules: LimitFields[] = [];
  for (const [name, value] of members) {
    if (!isUsageLimit(name)) continue;
    const measure = USAGE_LIMITS[name];
    const read = readMember(name, value, measure === 'budget_usd' ? 'money' : 'count');
    if (read.fault !== null) return read.fault;
    rules.push({ [measure]: read.value, per: 'run' });
  }
  return rules;
}

function readRule(members: readonly [string, unknown][]): LimitFields[] | string {
  const fields: Record<string, unknown> = { per: 'run' };
  for (const [name, value] of members) {
    const kind = Object.hasOwn(RULE_MEMBERS, name) ? RULE_MEMBERS[name] : undefined;
    if (kind === undefined) return `has the unknown member ${JSON.stringify(name)}; ${ALLOWED}`;
    const read = readMember(name, value, kind);
    if (read.fault !== null) return read.fault;
    fields[name] = read.value;
  }
  if (fields['per'] !== 'run') return 'must have per: run, or none: the limits of a run count the run';
  const policy = fields['on_store_failure'];
  if (policy !== undefined && policy !== 'open' && policy !== 'closed') {
    return 'must have open or closed as on_store_failure';
  }
  return [fields];
}

const ALLOWED = `allowed are ${Object.keys(RULE_MEMBERS).join(', ')}, or ${Object.keys(USAGE_LIMITS).join(', ')}`;

type Member = { readonly fault: null; readonly value: unknown } | { readonly fault: string };

function readMember(name: string, value: unknown, kind: 'count' | 'money' | 'text' | 'flag'): Member {
  switch (kind) {
    case 'count':
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return { fault: null, value };
      return { fault: `must have a whole number from 1 as ${name}` };
    case 'money': {
      const text = typeof value === 'number' ? String(value) : value;
      if (typeof text === 'string' && parseDecimal(text, 9) !== null) return { fault: null, value: text };
      return { fault: `must have ${name} as a decimal number such as "2.5", at most 9 decimals` };
    }
    case 'text':
      if (typeof value === 'string' && value !== '') return { fault: null, value };
      return { fault: `must have a text as ${name}` };
    case 'flag':
      return typeof value === 'boolean' ? { fault: null, value } : { fault: `must have true or false as ${name}` };
  }
}

function isUsageLimit(name: string): name is UsageLimitWord {
  return Object.hasOwn(USAGE_LIMITS, name);
}
