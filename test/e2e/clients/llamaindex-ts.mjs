import { tool } from '@llamaindex/core/tools';
import { openai, openaiResponses } from '@llamaindex/openai';
import { z } from 'zod';
import { chatUsage, FAILING, RETRIED_RUN, report, reportRetries, responsesUsage, STEERING } from './report.mjs';
import { answer, named } from './snippet.mjs';

const headers = { ...named.additionalSessionOptions.defaultHeaders, ...STEERING };
const options = {
  model: 'gpt-5-mini',
  baseURL: process.env.OPENAI_BASE_URL,
  additionalSessionOptions: { defaultHeaders: headers },
};
const messages = [{ role: 'user', content: 'What is the weather?' }];
const weather = tool(async ({ city }) => `Sunny in ${city}.`, {
  name: 'weather',
  description: 'The weather of a city.',
  parameters: z.object({ city: z.string() }),
});

async function lastRaw(stream) {
  let raw;
  for await (const chunk of stream) raw = chunk.raw;
  return raw;
}

report('as documented', chatUsage(answer.raw.usage));

const chat = openai(options);
report('chat', chatUsage((await chat.chat({ messages })).raw.usage));
report('chat, tools', chatUsage((await chat.chat({ messages, tools: [weather] })).raw.usage));
const asking = openai({ ...options, additionalChatOptions: { stream_options: { include_usage: true } } });
report('chat, streamed', chatUsage((await lastRaw(await asking.chat({ messages, stream: true }))).usage));

const responses = openaiResponses(options);
report('responses', responsesUsage((await responses.chat({ messages })).raw.usage));
const ended = await lastRaw(await responses.chat({ messages, stream: true }));
report('responses, streamed', responsesUsage(ended.response.usage));
report('responses, tools', responsesUsage((await responses.chat({ messages, tools: [weather] })).raw.usage));

const incomplete = { ...headers, 'x-sim-responses-end': 'incomplete' };
const cutShort = openaiResponses({ ...options, additionalSessionOptions: { defaultHeaders: incomplete } });
report('incomplete response', responsesUsage((await cutShort.chat({ messages })).raw.usage));

report('chat', chatUsage((await chat.chat({ messages })).raw.usage));
const untold = await lastRaw(await chat.chat({ messages, stream: true }));
report('chat, streamed, not asked', chatUsage(untold.usage));

const retrying = { ...options, additionalSessionOptions: { defaultHeaders: { ...FAILING, 'x-run-id': RETRIED_RUN } } };
await openai(retrying).chat({ messages });
reportRetries({ requests: 1, failed: 1, client_retries: 1 });
