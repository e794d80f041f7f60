import Type from 'typebox';
import { COUNT_NAMES } from '../../metering/usage.ts';
import { count, maybeText, text, time, usd } from './schema-words.ts';

/** Shapes of usage that several reports have. */

const INPUT_DETAILS = Type.Object({ cached_tokens: count(), cache_write_tokens: count() });
const OUTPUT_DETAILS = Type.Object({ reasoning_tokens: count() });

const USAGE_ENTRY = Type.Object(
  {
    id: text('The record of the call.'),
    at: time('When the call began.'),
    agent: maybeText(),
    model: maybeText('The model that was asked for.'),
    input_tokens: count(),
    output_tokens: count(),
    total_tokens: count(),
    input_tokens_details: INPUT_DETAILS,
    output_tokens_details: OUTPUT_DETAILS,
  },
  { $id: 'RequestUsageEntry' },
);

export const USAGE_BLOCK = Type.Object(
  {
    requests: count('Calls that an SDK would count: they completed, or their usage is known.'),
    tool_calls: count(),
    input_tokens: count('Cached ones included.'),
    input_tokens_details: INPUT_DETAILS,
    output_tokens: count('Reasoning included.'),
    output_tokens_details: OUTPUT_DETAILS,
    total_tokens: count(),
    cache_read_tokens: count(),
    cache_write_tokens: count(),
    input_audio_tokens: count(),
    cache_audio_read_tokens: count(),
    details: Type.Record(Type.String(), Type.Number(), { description: 'Every further count, by its name.' }),
    request_usage_entries: Type.Optional(
      Type.Array(USAGE_ENTRY, {
        description: 'One for each call whose usage was reported, where one run is asked for.',
      }),
    ),
  },
  {
    $id: 'Usage',
    description: "In the words of the OpenAI Agents SDK's `Usage` and Pydantic AI's `RunUsage`. Reported tokens only.",
  },
);

export const NOT_COUNTED = Type.Object(
  {
    missing_usage: count('Ended without usage.'),
    estimated: count('Have estimated usage, which is in no token count.'),
    failed: count('Ended in an error, cut or timeout of the upstream, without usage.'),
    client_retries: count("Were retries by the client's SDK."),
  },
  { $id: 'NotCounted', description: 'Calls that the token counts do not hold, or hold more than once.' },
);

const SHARE = {
  requests: count(),
  input_tokens: count(),
  cache_read_tokens: count(),
  output_tokens: count(),
  reasoning_tokens: count(),
  total_tokens: count(),
  tool_calls: count(),
  cost_usd: usd(),
  corrections_usd: usd(),
};
const MODEL_SHARE = Type.Object({ model: maybeText('The model that answered.'), ...SHARE }, { $id: 'ModelShare' });
const AGENT_SHARE = Type.Object({ agent: maybeText(), ...SHARE }, { $id: 'AgentShare' });

/** The members that runs and sessions have in common. */
export const ACTIVITY = {
  usage: USAGE_BLOCK,
  cost_usd: usd('All priced calls, those with estimated usage too.'),
  cost_complete: Type.Boolean({
    description: 'False while a call is open, and where usage is missing or estimated or a price is not known.',
  }),
  corrections_usd: usd('What corrections have added since.'),
  corrected_cost_usd: usd('Both together.'),
  corrected_cost_complete: Type.Boolean({ description: 'The same, with calls that corrections have priced.' }),
  by_model: Type.Array(MODEL_SHARE, { description: 'The dearest first.' }),
  by_agent: Type.Array(AGENT_SHARE, { description: 'The dearest first.' }),
  not_counted: NOT_COUNTED,
};

/** The token counts of records and sums. */
export const TOKEN_COUNTS = Object.fromEntries(COUNT_NAMES.map((name) => [name, count()]));
