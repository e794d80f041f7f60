import Type from 'typebox';
import type { OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { maybeText, nullable, text, time, words } from './schema-words.ts';

/** Amounts are decimal strings; which of them a row has depends on the model. */
const PRICE = Type.Object(
  { id: text('What records have as `price_id`.'), provider: text(), model: text() },
  {
    $id: 'Price',
    description: 'The prices as they are written, in US dollars, as decimal strings: docs/prices.md.',
    additionalProperties: true,
  },
);

const PRICE_ANSWER = Type.Object(
  {
    model: text(),
    upstream: maybeText(),
    at: time(),
    source: words(['config', 'book', 'none'], 'With `none`, `price` is null and such calls are unpriced.'),
    why: text('Why this row.'),
    price: nullable(PRICE),
    book: Type.Object({
      version: text(),
      sources: Type.Array(Type.String()),
      not_charged: Type.Array(Type.String(), { description: 'Units of the sources that are not charged for.' }),
    }),
  },
  { $id: 'PriceAnswer' },
);

/** Prices. */
export const PRICE_OPERATIONS: OperationTable = {
  'GET /api/v1/prices': {
    id: 'explainPrice',
    tag: 'Prices',
    summary: 'Show the price row that would apply to a call made now, and why',
    access: 'reader',
    query: {
      model: text('The model.'),
      upstream: text('The name of a configured upstream; by default the one that calls of the model go to.'),
    },
    requiredQuery: ['model'],
    answers: {
      200: json('The row.', PRICE_ANSWER, {
        model: 'gpt-5-mini',
        upstream: 'openai',
        at: '2026-11-22T03:46:32.973Z',
        source: 'book',
        why: 'the price book: gpt-5-mini is a name of openai/gpt-5-mini; the upstream is openai by its name',
        price: {
          id: 'openai/gpt-5-mini',
          provider: 'openai',
          model: 'gpt-5-mini',
          input_per_mtok: '0.25',
          cached_input_per_mtok: '0.025',
          output_per_mtok: '2',
        },
        book: { version: '2026-11-22', sources: ['genai-prices'], not_charged: [] },
      }),
    },
  },
};
