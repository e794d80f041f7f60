import Type from 'typebox';
import { LIMIT_MEASURES } from '../../core/limit-fields.ts';
import type { OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { CURSOR, limit } from './parameters.ts';
import { maybeText, maybeTime, nullable, page, text, words } from './schema-words.ts';

/** A count, or a decimal string in US dollars. */
const AMOUNT = Type.Union([Type.Number(), Type.String()]);
const amount = (description: string) => Type.Union([Type.Number(), Type.String()], { description });

export const LIMIT_VIEW = Type.Object(
  {
    rule: text('Its name, as errors and events give it.'),
    scope: words(['team', 'key', 'run', 'session', 'user', 'model'], 'The narrowest thing that it is about.'),
    team: text(),
    key_id: maybeText(),
    run_id: maybeText(),
    session_id: maybeText(),
    user: maybeText(),
    model: maybeText(),
    measure: words(LIMIT_MEASURES),
    per: text(),
    window: nullable(words(['calendar', 'rolling', 'rate'])),
    timezone: maybeText(),
    hard: Type.Boolean({ description: 'Whether it ends a running stream.' }),
    ...Object.fromEntries(LIMIT_MEASURES.map((name) => [name, Type.Optional(AMOUNT)])),
    limit: amount('Counts; of a budget US dollars as a decimal string.'),
    used: amount('What the ledger counts.'),
    held: amount('What calls that are running have reserved.'),
    remaining: amount('What is left beside both.'),
    resets_at: maybeTime('The end of the window; of a rate when it will be empty.'),
  },
  {
    $id: 'Limit',
    description: 'How a limit stands. It is in it twice: as `limit`, and under the name of its measure.',
  },
);

/** How limits stand. */
export const LIMIT_OPERATIONS: OperationTable = {
  'GET /api/v1/limits': {
    id: 'listLimits',
    tag: 'Limits',
    summary: 'Show how limits stand',
    access: 'reader',
    query: {
      team: text('Only the limits of this team.'),
      key_id: text("Of its keys only this one's."),
      run_id: text('Also those of this run.'),
      session_id: text('Also those that are counted for each session.'),
      user: text('Also those that are counted for each user.'),
      model: text('Also those that are counted for each model.'),
      limit: limit({ fallback: 100, max: 500 }),
      cursor: CURSOR,
    },
    answers: {
      200: json('Limits in the order of teams and keys, those of the run last.', page(LIMIT_VIEW), {
        data: [
          {
            rule: 'budget_usd per month',
            scope: 'team',
            team: 'research',
            key_id: null,
            run_id: null,
            session_id: null,
            user: null,
            model: null,
            measure: 'budget_usd',
            per: 'month',
            window: 'calendar',
            timezone: 'Europe/Berlin',
            hard: false,
            budget_usd: '500.000000000',
            limit: '500.000000000',
            used: '123.456000000',
            held: '0.250000000',
            remaining: '376.294000000',
            resets_at: '2026-11-30T23:00:00.000Z',
          },
        ],
        next_cursor: null,
      }),
    },
  },
};
