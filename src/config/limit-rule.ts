import Type, { type Static } from 'typebox';
import { LIMIT_DIMENSIONS, LIMIT_SPANS, LIMIT_WINDOWS, limitFault, MAX_LIMIT } from '../core/limit-fields.ts';
import { checkedText, choice, decimal, entry, flag, list, text, wholeNumber } from './schema-parts.ts';
import { isTimeZone } from './text-rules.ts';

const count = (description: string) => Type.Optional(wholeNumber({ description, minimum: 1, maximum: MAX_LIMIT }));

/** Shares of a limit, in percent. */
export const THRESHOLD = wholeNumber({ description: 'A share of the limit, in percent.', minimum: 1, maximum: 100 });

const RULE_FIELDS = entry(
  'a limit rule',
  {
    requests: count('Calls.'),
    tokens: count('Input and output tokens together.'),
    input_tokens: count('Input tokens, cached ones included.'),
    output_tokens: count('Output tokens, reasoning included.'),
    tool_calls: count('Tool calls that models asked for.'),
    budget_usd: Type.Optional(decimal({ description: 'Cost in US dollars, above 0 and at most 9,000,000.' })),
    parallel: count('Calls at the same time.'),
    per: Type.Optional(
      choice(LIMIT_SPANS, {
        description:
          'The span over which is counted. `minute` and `hour` are rates that fill up again all the time. Required, but for `parallel`.',
      }),
    ),
    window: Type.Optional(
      choice(LIMIT_WINDOWS, {
        description:
          'With `day`, `week` and `month`: those of the calendar, or the last 24 hours, 7 days, 30 days at any moment.',
        defaultText: '`calendar`',
      }),
    ),
    timezone: Type.Optional(
      checkedText(isTimeZone, {
        description: 'Where days, weeks (from Monday) and months begin; UTC when absent.',
        expects: 'a time zone name',
        hint: 'write a name of the IANA database, such as Europe/Berlin',
      }),
    ),
    model: Type.Optional(
      text({ description: 'Only calls of this model; exact or a glob.', expects: 'a model or a glob' }),
    ),
    each: Type.Optional(
      choice(LIMIT_DIMENSIONS, { description: 'Counts for each key, user, model, run or session on its own.' }),
    ),
    hard: Type.Optional(
      flag({
        description:
          'Ends a running stream when its estimated output passes what is left. For `tokens`, `output_tokens` and `budget_usd`.',
        defaultText: '`false`',
      }),
    ),
    on_store_failure: Type.Optional(
      choice(['open', 'closed'], {
        description:
          'While Redis is away: `open` counts in this process alone, `closed` answers 503 `limits_unavailable`.',
        defaultText: '`limits.on_store_failure`',
      }),
    ),
    alert_at: Type.Optional(
      list(THRESHOLD, {
        description: 'Shares of the limit, in percent, at which an event is raised, once per window.',
        expects: 'a list of whole numbers from 1 to 100',
        defaultText: '`limits.alert_at`',
      }),
    ),
  },
  { sharedName: 'limit rule' },
);

type RuleFields = Static<typeof RULE_FIELDS>;

export const LIMIT_RULE = Type.Refine(
  RULE_FIELDS,
  (rule: RuleFields) => limitFault(rule) === null,
  (rule: RuleFields) => limitFault(rule) ?? '',
);
