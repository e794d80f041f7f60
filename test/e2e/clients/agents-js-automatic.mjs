import { Agent, OpenAIChatCompletionsModel, run, withTrace } from '@openai/agents';
import OpenAI from 'openai';
import { report } from './report.mjs';
import { nameTheRun } from './snippet.mjs';

const greeter = new Agent({ name: 'greeter', instructions: 'Be brief.', model: 'gpt-5-mini' });
const chat = new OpenAIChatCompletionsModel(new OpenAI({ fetch: nameTheRun }), 'gpt-5-mini');
const second = new Agent({ name: 'second', instructions: 'Be brief.', model: chat });

await withTrace('one trace, two agents', async (trace) => {
  process.stdout.write(`\n@run ${trace.traceId}\n`);
  for (const agent of [greeter, second]) {
    const { inputTokens, outputTokens, totalTokens } = (await run(agent, 'Say hello.')).state.usage;
    report(agent.name, { input: inputTokens, output: outputTokens, total: totalTokens });
  }
});
