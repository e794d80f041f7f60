import Type, { type Static } from 'typebox';
import { checkedText, choice, decimal, entry, text, wholeNumber } from './schema-parts.ts';
import { isTimeZone } from './text-rules.ts';

/** What a rule may limit; each rule limits exactly one (contract.md, "Limits"). */
export const LIMIT_MEASURES = [
  'requests',
  'tokens',
  'input_tokens',
  'output_tokens',
  'tool_calls',
  'budget_usd',
  'parallel',
] as const;

/** Calls at the same time are not counted per stretch of time, only within something that ends. */
const SPANS_OF_PARALLEL: readonly (string | undefined)[] = [undefined, 'run', 'session', 'forever'];

const count = (description: string) => Type.Optional(wholeNumber({ description, minimum: 0 }));

const RULE_FIELDS = entry(
  'a limit rule',
  {
    requests: count('Calls.'),
    tokens: count('Input and output tokens together.'),
    input_tokens: count('Input tokens, cached ones included.'),
    output_tokens: count('Output tokens, reasoning included.'),
    tool_calls: count('Tool calls that models asked for.'),
    budget_usd: Type.Optional(decimal({ description: 'Cost in US dollars.' })),
    parallel: Type.Optional(wholeNumber({ description: 'Calls at the same time.', minimum: 1 })),
    per: Type.Optional(
      choice(['minute', 'hour', 'day', 'week', 'month', 'run', 'session', 'forever'], {
        description:
          'The span over which is counted; days, weeks and months are those of the calendar. Required, but for `parallel`.',
      }),
    ),
    timezone: Type.Optional(
      checkedText(isTimeZone, {
        description: 'Where days, weeks and months begin; UTC when absent.',
        expects: 'a time zone name',
        hint: 'write a name of the IANA database, such as Europe/Berlin',
      }),
    ),
    model: Type.Optional(
      text({ description: 'Only calls of this model; exact or a glob.', expects: 'a model or a glob' }),
    ),
  },
  { sharedName: 'limit rule' },
);

type RuleFields = Static<typeof RULE_FIELDS>;

export const LIMIT_RULE = Type.Refine(
  RULE_FIELDS,
  (rule: RuleFields) => ruleFault(rule) === null,
  (rule: RuleFields) => ruleFault(rule) ?? '',
);

function ruleFault(rule: RuleFields): string | null {
  const measures = LIMIT_MEASURES.filter((measure) => rule[measure] !== undefined);
  if (measures.length !== 1) return `must have exactly one of ${LIMIT_MEASURES.join(', ')}`;
  if (measures[0] === 'parallel') {
    return SPANS_OF_PARALLEL.includes(rule.per)
      ? null
      : 'must have per: run, session or forever, or none, with parallel';
  }
  return rule.per === undefined
    ? 'must say per what it counts: minute, hour, day, week, month, run, session, forever'
    : null;
}
