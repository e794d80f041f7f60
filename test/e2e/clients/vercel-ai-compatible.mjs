import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, isStepCount, streamText, tool } from 'ai';
import { z } from 'zod';
import { report, STEERING } from './report.mjs';
import { apiKey, baseURL, named, provider, result } from './snippet.mjs';

const inShort = (usage) =>
  usage.inputTokens === undefined
    ? null
    : {
        input: usage.inputTokens,
        output: usage.outputTokens,
        total: usage.totalTokens,
        cached: usage.inputTokenDetails.cacheReadTokens,
        reasoning: usage.outputTokenDetails.reasoningTokens,
      };
const call = { prompt: 'What is the weather?', headers: { ...named.headers, ...STEERING } };

async function stream(options) {
  const streamed = streamText(options);
  await streamed.consumeStream();
  return inShort(await streamed.usage);
}

report('as documented', inShort(result.totalUsage));
report('chat', inShort((await generateText({ ...call, model: provider('gpt-5-mini') })).usage));
report('chat, streamed', await stream({ ...call, model: provider('gpt-5-mini') }));
const notAsking = createOpenAICompatible({ name: 'metertap', baseURL, apiKey });
report('chat, streamed, not asked', await stream({ ...call, model: notAsking('gpt-5-mini') }));

const weather = tool({ inputSchema: z.object({ city: z.string() }), execute: async () => 'Sunny.' });
const withTool = { ...call, model: provider('gpt-5-mini'), tools: { weather }, stopWhen: isStepCount(3) };
for (const step of (await generateText(withTool)).steps) report('chat, tools', inShort(step.usage));
