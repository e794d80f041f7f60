import Type from 'typebox';
import { USAGE_DIMENSIONS } from '../../ledger/ledger-reader.ts';
import type { OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { CURSOR, MOMENT } from './parameters.ts';
import { count, maybeText, page, text, textList, time, usd, wordList, words } from './schema-words.ts';
import { NOT_COUNTED, TOKEN_COUNTS } from './usage-schemas.ts';

const SOURCES = ['reported', 'estimated', 'missing'];

const RESULT = Type.Object(
  {
    ...Object.fromEntries(USAGE_DIMENSIONS.map((name) => [name, Type.Optional(maybeText())])),
    requests: count(),
    ...TOKEN_COUNTS,
    cost_usd: usd(),
    cost_complete: Type.Boolean({ description: 'Does not regard calls that are open.' }),
    corrections_usd: usd('What corrections have added since.'),
    corrected_cost_usd: usd('Both together.'),
    corrected_cost_complete: Type.Boolean(),
    unpriced: count('Calls whose usage is known and whose price is not; their cost is not in `cost_usd`.'),
    not_counted: NOT_COUNTED,
  },
  { $id: 'UsageResult', description: 'The sums of one combination of what was grouped by, which it names.' },
);

const BUCKET = Type.Object(
  { start_time: time('Inclusive.'), end_time: time('Exclusive.'), results: Type.Array(RESULT) },
  { $id: 'UsageBucket', description: 'Without results where nothing was called.' },
);

const ON_A_BOUNDARY = `${MOMENT} On a boundary of the buckets, unless \`partial_buckets\` is true.`;

/** Of the calls, or of their keys. */
const NAMED = Type.String({
  pattern: '^(?:tag|label)\\..',
  examples: ['tag.NAME', 'label.NAME'],
  description: 'A tag of the calls, or a label of their keys, by its name.',
});

/** Sums by time. */
export const USAGE_OPERATIONS: OperationTable = {
  'GET /api/v1/usage': {
    id: 'getUsage',
    tag: 'Usage',
    summary: 'Sum usage and cost by time',
    description:
      'Buckets lie on whole minutes, hours or days of UTC. Tags and labels are read call by call: of 250,000 calls at most, and as long as records are kept. By default the last hour (`1m`), day (`1h`) or seven days (`1d`).',
    access: 'reader',
    query: {
      start_time: text(`From when, inclusive. ${ON_A_BOUNDARY}`),
      end_time: text(`Until when, exclusive; until now by default. ${ON_A_BOUNDARY}`),
      bucket: words(['1m', '1h', '1d'], 'The width of a bucket; an hour by default.'),
      group_by: Type.Array(Type.Union([words(USAGE_DIMENSIONS), NAMED]), {
        description: 'One result for each combination of these.',
      }),
      partial_buckets: Type.Boolean({
        description:
          'Takes a start and an end within a bucket; the first and the last then hold only what is in the range.',
        default: false,
      }),
      include_estimated: Type.Boolean({ description: 'Takes estimated tokens into the sums.', default: false }),
      ...Object.fromEntries(
        USAGE_DIMENSIONS.map((name) => [
          name,
          name === 'usage_source' ? wordList(SOURCES, 'Only these.') : textList('Only these.'),
        ]),
      ),
      'tag.NAME': textList('Only calls whose tag of this name has one of these values; a parameter for each tag.'),
      'label.NAME': textList('Only calls whose key has the label of this name with one of these values.'),
      limit: Type.Integer({
        minimum: 1,
        maximum: 1_440,
        description: 'Buckets on a page: at most, and by default, 1,440 (`1m`), 744 (`1h`) or 400 (`1d`).',
      }),
      cursor: CURSOR,
    },
    answers: { 200: json('Buckets in order of time.', page(BUCKET)) },
  },
};
