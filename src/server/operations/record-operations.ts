import Type from 'typebox';
import type { OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { CURSOR, END_TIME, limit, START_TIME, TEAM, TEAM_OF_ID } from './parameters.ts';
import { RECORD_EXAMPLE } from './record-example.ts';
import { count, labels, maybeText, maybeTime, nullable, page, text, time, usd, words } from './schema-words.ts';
import { TOKEN_COUNTS } from './usage-schemas.ts';

const FINAL_ENDINGS = ['completed', 'client_left', 'upstream_cut', 'upstream_error', 'timed_out', 'interrupted'];
const ENDINGS = [...FINAL_ENDINGS, 'in_flight', 'queued'];

const RECORD_USAGE = Type.Object(
  { ...TOKEN_COUNTS, details: Type.Record(Type.String(), Type.Number()) },
  { $id: 'RecordUsage', description: 'Counts are inclusive: cached ones are in the input, reasoning in the output.' },
);

const nanoUsd = (description?: string) =>
  Type.Union([Type.Integer(), Type.Null()], description === undefined ? {} : { description });

const CORRECTION = Type.Object(
  {
    id: text(),
    created_at: time(),
    period: text('The month in whose statement it stands.'),
    reason: text(),
    actor: text(),
    cost_before_usd: maybeText(),
    cost_after_usd: usd(),
    delta_usd: usd(),
    price_id_before: maybeText(),
    price_id_after: text(),
  },
  { $id: 'Correction' },
);

/** A record as docs/record.md tells it. */
export const RECORD = Type.Object(
  {
    id: text('Also the `x-metertap-request-id` of the answer.'),
    schema: Type.Literal(1),
    started_at: time(),
    ended_at: maybeTime(),
    duration_ms: nullable(Type.Number({ minimum: 0 })),
    ttft_ms: nullable(Type.Number({ minimum: 0 })),
    team: text(),
    key_id: text(),
    run_id: maybeText(),
    parent_run_id: maybeText(),
    session_id: maybeText(),
    agent: maybeText(),
    user: maybeText(),
    trace_id: maybeText(),
    labels: labels('Of the key.'),
    tags: labels('Of the call.'),
    upstream: text(),
    endpoint: text('The path below `/v1/`.'),
    stream: Type.Boolean(),
    request_model: maybeText(),
    response_model: maybeText(),
    service_tier: maybeText(),
    status: nullable(Type.Integer()),
    ending: words(ENDINGS),
    error_code: maybeText(),
    client_retry: count(),
    retry_of: maybeText('The record of the attempt that this one repeats.'),
    upstream_id: maybeText(),
    usage_source: words(['reported', 'estimated', 'missing']),
    usage: nullable(RECORD_USAGE),
    usage_raw: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
      description: "The upstream's usage object as it stood.",
    }),
    cost_nano_usd: Type.Union([Type.Integer(), Type.Null()], { description: 'Null where no price is known.' }),
    cost_usd: maybeText(),
    price_id: maybeText('The price row that priced the call.'),
    cost_reported_usd: maybeText('What the upstream itself said that the call cost.'),
    cost_input_nano_usd: nanoUsd('What of the cost was for uncached input.'),
    cost_cache_read_nano_usd: nanoUsd(),
    cost_cache_write_nano_usd: nanoUsd(),
    cost_output_nano_usd: nanoUsd(),
    units: nullable(Type.Number()),
    corrected_cost_usd: maybeText('What it costs with its corrections.'),
    corrections: Type.Optional(Type.Array(CORRECTION, { description: 'Where one record is asked for.' })),
  },
  { $id: 'Record' },
);

const FILTERS = {
  team: TEAM,
  key_id: text(),
  run_id: text(),
  session_id: text(),
  model: text('The one that answered, else the one that was asked for.'),
};

/** The records, and files of them. */
export const RECORD_OPERATIONS: OperationTable = {
  'GET /api/v1/records': {
    id: 'listRecords',
    tag: 'Usage',
    summary: 'List records, the newest first',
    access: 'reader',
    query: {
      ...FILTERS,
      ending: words(ENDINGS),
      start_time: START_TIME,
      end_time: END_TIME,
      limit: limit({ fallback: 100, max: 1_000 }),
      cursor: CURSOR,
    },
    answers: { 200: json('Records.', page(RECORD)) },
  },
  'GET /api/v1/records/{id}': {
    id: 'getRecord',
    tag: 'Usage',
    summary: 'Show a record',
    access: 'reader',
    query: { team: TEAM_OF_ID },
    answers: { 200: json('The record.', RECORD, RECORD_EXAMPLE) },
  },
  'GET /api/v1/export': {
    id: 'exportRecords',
    tag: 'Usage',
    summary: 'Export records as a file',
    description:
      'Calls that have ended and corrections of their costs, in the order in which they came, streamed. A connection that breaks before the last chunk has not brought the whole file.',
    access: 'reader',
    query: {
      format: words(['csv', 'jsonl', 'focus'], 'csv by default.'),
      version: words(['1.2', '1.4'], 'Of FOCUS; goes with `format=focus` only. 1.2 by default.'),
      ...FILTERS,
      ending: words(FINAL_ENDINGS),
      start_time: START_TIME,
      end_time: END_TIME,
      formulas: words(
        ['escape', 'keep'],
        'Whether spreadsheets are kept from reading cells as formulas; `escape` by default.',
      ),
      header: words(['true', 'false'], 'Whether CSV begins with the names of its columns; `true` by default.'),
      limit: Type.Integer({
        minimum: 1,
        maximum: 999_999_999,
        description: 'At most so many records and corrections; all by default.',
      }),
      cursor: text(
        'Go on after this: the id of a record or correction of this export, or the `x-metertap-next-cursor` of an earlier one.',
      ),
    },
    answers: {
      200: {
        description: 'The file.',
        content: {
          'text/csv': { schema: text() },
          'application/jsonl': { schema: text('One record or correction in JSON on each line.') },
        },
        headers: {
          'x-metertap-next-cursor': 'Goes on after this file, once it has been read whole; absent with `limit`.',
          'content-disposition': 'Names the file.',
        },
      },
    },
  },
};
