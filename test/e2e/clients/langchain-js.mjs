import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';
import { FAILING, RETRIED_RUN, report, reportRetries, STEERING } from './report.mjs';
import { answer, named } from './snippet.mjs';

const inShort = (usage) => ({
  input: usage.input_tokens,
  output: usage.output_tokens,
  total: usage.total_tokens,
  cached: usage.input_token_details.cache_read,
  reasoning: usage.output_token_details.reasoning,
});
const steered = { configuration: { defaultHeaders: { ...named.configuration.defaultHeaders, ...STEERING } } };
const weather = tool(async ({ city }) => `Sunny in ${city}.`, {
  name: 'weather',
  description: 'The weather of a city.',
  schema: z.object({ city: z.string() }),
});

async function stream(model, prompt) {
  let whole;
  for await (const chunk of await model.stream(prompt)) whole = whole === undefined ? chunk : whole.concat(chunk);
  return whole;
}

report('as documented', inShort(answer.usage_metadata));

for (const useResponsesApi of [false, true]) {
  const api = useResponsesApi ? 'responses' : 'chat';
  const model = new ChatOpenAI({ model: 'gpt-5-mini', useResponsesApi, ...steered });
  report(api, inShort((await model.invoke('Say hello.')).usage_metadata));
  report(`${api}, streamed`, inShort((await stream(model, 'Say hello.')).usage_metadata));

  const question = { role: 'user', content: 'What is the weather?' };
  const asking = await model.bindTools([weather]).invoke([question]);
  report(`${api}, tools`, inShort(asking.usage_metadata));
  const results = await Promise.all(asking.tool_calls.map((call) => weather.invoke(call)));
  const told = await model.bindTools([weather]).invoke([question, asking, ...results]);
  report(`${api}, tools, told`, inShort(told.usage_metadata));
}

const incomplete = { ...steered.configuration.defaultHeaders, 'x-sim-responses-end': 'incomplete' };
const cutShort = new ChatOpenAI({
  model: 'gpt-5-mini',
  useResponsesApi: true,
  configuration: { defaultHeaders: incomplete },
});
report('incomplete response', inShort((await cutShort.invoke('Say hello.')).usage_metadata));

// It does not say that it retries, so the simulator fails to the end, and the ledger sees two first attempts.
const failing = { ...FAILING, 'x-run-id': RETRIED_RUN };
const retrying = new ChatOpenAI({ model: 'gpt-5-mini', maxRetries: 1, configuration: { defaultHeaders: failing } });
await retrying.invoke('Say hello.').then(
  () => process.exit(1),
  () => reportRetries({ requests: 0, failed: 2, client_retries: 0 }),
);
