import Type from 'typebox';
import type { OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { CURSOR, END_TIME, limit, START_TIME, TEAM } from './parameters.ts';
import { count, maybeText, maybeTime, nullable, page, text, time, usd, words } from './schema-words.ts';

const SHARE = {
  requests: count(),
  input_tokens: count(),
  cache_read_tokens: count(),
  cache_write_tokens: count(),
  output_tokens: count(),
  reasoning_tokens: count(),
  cost_usd: usd('As recorded.'),
  corrections_usd: usd(),
  total_usd: usd(),
};
const calls = (description: string) => Type.Object({ calls: count() }, { description });

const STATEMENT = Type.Object(
  {
    schema: Type.Literal(1),
    team: text(),
    period: text('A calendar month of UTC.'),
    start_time: time(),
    end_time: time('Exclusive.'),
    currency: Type.Literal('USD'),
    state: words(['open', 'closed']),
    as_of: time('When it was closed, or what it is the state of.'),
    closed_by: maybeText(),
    opening_balance_usd: usd('What all earlier statements come to.'),
    calls_usd: usd('Calls that began in the month, as recorded.'),
    late_calls_usd: usd('Calls of earlier, closed months that ended after their closing.'),
    corrections_usd: usd('Corrections that stand in this statement, of whichever month the calls are.'),
    total_usd: usd(),
    closing_balance_usd: usd(),
    by_model: Type.Array(Type.Object({ upstream: text(), model: maybeText(), ...SHARE })),
    by_key: Type.Array(Type.Object({ key_id: text(), ...SHARE })),
    by_run: Type.Array(Type.Object({ run_id: maybeText(), ...SHARE })),
    other_runs: nullable(Type.Object({ runs: count(), ...SHARE }, { description: 'The runs beyond those listed.' })),
    late_by_month: Type.Array(Type.Object({ month: text(), ...SHARE })),
    corrections: Type.Array(
      Type.Object({
        reason: text(),
        month: text(),
        upstream: text(),
        model: maybeText(),
        corrections: count(),
        corrections_usd: usd(),
      }),
    ),
    apart: Type.Object(
      {
        estimated: Type.Object(
          { calls: count(), input_tokens: count(), output_tokens: count(), cost_usd: usd() },
          { description: 'The tokens are in here only, the cost is in the amounts too.' },
        ),
        missing_usage: calls('Usage is not known; no cost.'),
        unpriced: calls('A price is not known; no cost.'),
        failed: calls('Ended in an error of the upstream, without usage; no cost.'),
        open: calls('Have no end yet: they stand in a later statement.'),
      },
      { description: 'What the token counts do not hold, and what makes the amounts less than certain.' },
    ),
    csv_sha256: maybeText('Of the CSV of the same statement; null while it is open.'),
  },
  { $id: 'Statement' },
);

const DIGESTS = Type.Object({ json: text(), csv: text(), html: text() });
const MONTH = Type.Object(
  {
    team: text(),
    period: text('A calendar month of UTC.'),
    state: words(['open', 'closed']),
    opening_balance_usd: usd(),
    total_usd: usd(),
    closing_balance_usd: usd(),
    closed_at: maybeTime(),
    closed_by: maybeText(),
    sha256: nullable(DIGESTS),
  },
  { $id: 'StatementMonth' },
);

const REPRICING = Type.Object(
  {
    start_time: Type.Union([Type.String(), Type.Integer()], { description: 'Inclusive: ISO 8601 or Unix seconds.' }),
    end_time: Type.Union([Type.String(), Type.Integer()], { description: 'Exclusive.' }),
    team: Type.Optional(maybeText('Only this team.')),
    model: Type.Optional(maybeText('Only this model, or glob.')),
    upstream: Type.Optional(maybeText('Only this upstream.')),
    reason: Type.String({ maxLength: 500, description: 'Why costs change, in one line.' }),
    dry_run: Type.Optional(Type.Boolean({ default: false, description: 'Writes nothing.' })),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 5_000, default: 1_000, description: 'How many records are looked at.' }),
    ),
    cursor: Type.Optional(maybeText('The `next_cursor` of the last page.')),
  },
  { $id: 'Repricing', additionalProperties: false },
);

const REPRICED = Type.Object(
  {
    dry_run: Type.Boolean(),
    examined: count('Records that were looked at, whatever they are.'),
    corrected: count(),
    unchanged: count(),
    unpriced: count('No price is known for them now, and none was before.'),
    without_price: count('They have a cost, and no price is known for them now: they keep it.'),
    changed_meanwhile: count('Another correction came in between; the next run sees them anew.'),
    corrections_usd: usd(),
    by_model: Type.Array(
      Type.Object({
        upstream: text(),
        model: maybeText(),
        corrected: count(),
        cost_before_usd: usd(),
        cost_after_usd: usd(),
        corrections_usd: usd(),
      }),
    ),
    records_kept_from: maybeTime('Records from before may have been removed by retention.'),
    next_cursor: maybeText('Names the next page; null on the last one.'),
  },
  { $id: 'RepriceResult' },
);

const MONTH_EXAMPLE = {
  team: 'research',
  period: '2026-10',
  state: 'open',
  opening_balance_usd: '0.000000000',
  total_usd: '12.345600000',
  closing_balance_usd: '12.345600000',
  closed_at: null,
  closed_by: null,
  sha256: null,
};

/** Statements, and corrections of costs (docs/statements.md). */
export const STATEMENT_OPERATIONS: OperationTable = {
  'GET /api/v1/statements': {
    id: 'listStatements',
    tag: 'Statements',
    summary: 'List months with their balances, open and closed',
    access: 'reader',
    query: { team: TEAM, limit: limit({ fallback: 100, max: 1_000 }), cursor: CURSOR },
    answers: { 200: json('Months.', page(MONTH), { data: [MONTH_EXAMPLE], next_cursor: null }) },
  },
  'GET /api/v1/statements/{team}/{month}': {
    id: 'getStatement',
    tag: 'Statements',
    summary: "Show a team's month",
    description: 'That of a closed month is the same bytes each time, with its SHA-256 as `ETag`.',
    access: 'reader',
    query: { format: words(['json', 'csv', 'html'], 'json by default.') },
    answers: {
      200: {
        description: 'The statement.',
        content: {
          'application/json': { schema: STATEMENT },
          'text/csv': { schema: text() },
          'text/html': { schema: text() },
        },
      },
    },
    errors: ['not_found'],
  },
  'POST /api/v1/statements/{team}/{month}/close': {
    id: 'closeStatement',
    tag: 'Statements',
    summary: 'State a month for good',
    description: 'Months are closed in their order, once they are over.',
    access: 'admin',
    answers: { 200: json('The month.', MONTH) },
    errors: ['conflict'],
  },
  'POST /api/v1/reprice': {
    id: 'reprice',
    tag: 'Statements',
    summary: 'Correct costs by the prices of now, one page of records at a time',
    description: 'Records are not edited: each that costs something else gets a correction. Again, it changes nothing.',
    access: 'admin',
    body: {
      schema: REPRICING,
      example: { start_time: '2026-11-01', end_time: '2026-12-01', reason: 'contract prices of November' },
      isRequired: true,
    },
    answers: { 200: json('What became of them.', REPRICED) },
  },
  'GET /api/v1/prices/unpriced': {
    id: 'listUnpricedModels',
    tag: 'Prices',
    summary: 'List models whose calls have no price',
    access: 'admin',
    query: { start_time: START_TIME, end_time: END_TIME },
    answers: {
      200: json(
        'Models, those with the most calls first; of the last 30 days by default.',
        page(
          Type.Object(
            {
              upstream: maybeText(),
              model: maybeText(),
              calls: count(),
              input_tokens: count(),
              output_tokens: count(),
              last_day: text('The last day (UTC) on which it was called without a price.'),
            },
            { $id: 'UnpricedModel' },
          ),
        ),
      ),
    },
  },
};
