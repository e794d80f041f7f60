import { z } from 'zod/v3';
import { chatUsage, FAILING, RETRIED_RUN, report, reportRetries, STEERING } from './report.mjs';
import { city, client } from './snippet.mjs';

const request = {
  model: 'gpt-5-mini',
  messages: [{ role: 'user', content: 'Name a city.' }],
  response_model: { name: 'City', schema: z.object({ name: z.string(), inhabitants: z.number() }) },
};

report('as documented', chatUsage(city._meta.usage));

const again = await client.chat.completions.create(request, { headers: STEERING });
report('chat, tools', chatUsage(again._meta.usage));

let last;
for await (const partial of await client.chat.completions.create({ ...request, stream: true }, { headers: STEERING })) {
  last = partial;
}
report('chat, tools, streamed', chatUsage(last._meta.usage));

await client.chat.completions.create(request, { headers: { ...FAILING, 'x-run-id': RETRIED_RUN } });
reportRetries({ requests: 1, failed: 1, client_retries: 1 });
