import { generateText, isStepCount, streamText, tool } from 'ai';
import { z } from 'zod';
import { FAILING, RETRIED_RUN, report, reportRetries, STEERING } from './report.mjs';
import { named, openai, result } from './snippet.mjs';

const inShort = (usage) => ({
  input: usage.inputTokens,
  output: usage.outputTokens,
  total: usage.totalTokens,
  cached: usage.inputTokenDetails.cacheReadTokens,
  reasoning: usage.outputTokenDetails.reasoningTokens,
});
const weather = tool({
  description: 'The weather of a city.',
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `Sunny in ${city}.`,
});

report('as documented', inShort(result.totalUsage));

for (const [api, model] of [
  ['chat', openai.chat('gpt-5-mini')],
  ['responses', openai.responses('gpt-5-mini')],
]) {
  const call = { model, prompt: 'What is the weather?', headers: { ...named.headers, ...STEERING } };
  report(api, inShort((await generateText(call)).usage));

  const streamed = streamText(call);
  await streamed.consumeStream();
  report(`${api}, streamed`, inShort(await streamed.usage));

  const withTool = { ...call, tools: { weather }, stopWhen: isStepCount(3) };
  for (const step of (await generateText(withTool)).steps) report(`${api}, tools`, inShort(step.usage));

  const streamedWithTool = streamText(withTool);
  await streamedWithTool.consumeStream();
  for (const step of await streamedWithTool.steps) report(`${api}, tools, streamed`, inShort(step.usage));
}

const incomplete = { ...named.headers, ...STEERING, 'x-sim-responses-end': 'incomplete' };
report(
  'incomplete response',
  inShort((await generateText({ model: openai('gpt-5-mini'), prompt: 'Hello', headers: incomplete })).usage),
);

// It does not say that it retries, so the simulator fails to the end, and the ledger sees three first attempts.
const failing = { model: openai('gpt-5-mini'), prompt: 'Hello', headers: { ...FAILING, 'x-run-id': RETRIED_RUN } };
await generateText(failing).then(
  () => process.exit(1),
  () => reportRetries({ requests: 0, failed: 3, client_retries: 0 }),
);
