import { createOpenAI } from '@ai-sdk/openai';
import { Agent } from '@mastra/core/agent';
import { createTool } from '@mastra/core/tools';
import { z } from 'zod';
import { report, STEERING } from './report.mjs';
import { named, result } from './snippet.mjs';

const inShort = (usage) =>
  usage.inputTokens === undefined
    ? null
    : {
        input: usage.inputTokens,
        output: usage.outputTokens,
        total: usage.totalTokens,
        cached: usage.cachedInputTokens,
        reasoning: usage.reasoningTokens,
      };
const call = { modelSettings: { headers: { ...named.modelSettings.headers, ...STEERING } } };
const weather = createTool({
  id: 'weather',
  description: 'The weather of a city.',
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => ({ sky: `Sunny in ${city}.` }),
});
const agentOf = (model, tools = {}) =>
  new Agent({ id: 'greeter', name: 'greeter', instructions: 'Be brief.', model, tools });

async function stream(agent) {
  const streamed = await agent.stream('Say hello.', call);
  await streamed.consumeStream();
  return streamed.totalUsage;
}

report('as documented', inShort(result.totalUsage));

const openai = createOpenAI();
for (const [api, model] of [
  ['chat', openai.chat('gpt-5-mini')],
  ['responses', openai.responses('gpt-5-mini')],
]) {
  report(api, inShort((await agentOf(model).generate('Say hello.', call)).totalUsage));
  report(`${api}, streamed`, inShort(await stream(agentOf(model))));
  const withTool = await agentOf(model, { weather }).generate('Say hello.', call);
  report(`${api}, tools`, inShort(withTool.totalUsage), 2);
  report(`${api}, tools, streamed`, inShort(await stream(agentOf(model, { weather }))), 2);
}

const routed = agentOf({
  id: 'openai/gpt-5-mini',
  url: process.env.OPENAI_BASE_URL,
  apiKey: process.env.OPENAI_API_KEY,
});
report('router', inShort((await routed.generate('Say hello.', call)).totalUsage));
report('router, streamed, not asked', inShort(await stream(routed)));
