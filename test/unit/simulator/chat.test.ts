import { describe, expect, it } from 'vitest';
import { eventData, HELLO, startSimulator } from './start-simulator.ts';

const STREAM = { ...HELLO, stream: true, stream_options: { include_usage: true } };
const tool = (name: string) => ({ type: 'function', function: { name, parameters: { type: 'object' } } });
const user = { role: 'user', content: 'go on' };
const called = (name: string) => [
  { role: 'assistant', tool_calls: [{ id: `c_${name}`, type: 'function', function: { name, arguments: '{}' } }] },
  { role: 'tool', tool_call_id: `c_${name}`, content: 'done' },
];

describe('determinism', () => {
  it('gives two simulators with the same requests the same bytes', async () => {
    const one = await startSimulator();
    const other = await startSimulator();
    for (const body of [HELLO, STREAM, HELLO]) {
      const [a, b] = await Promise.all([one.post('chat/completions', body), other.post('chat/completions', body)]);
      expect(await a.text()).toBe(await b.text());
    }
  });

  it('counts ids, and from the start after a reset', async () => {
    const { simulator, post } = await startSimulator();
    const id = async () => eventData(`data: ${await (await post('chat/completions', HELLO)).text()}`)[0]?.id;
    expect([await id(), await id()]).toEqual(['chatcmpl-sim000000000001', 'chatcmpl-sim000000000002']);
    simulator.reset();
    expect(await id()).toBe('chatcmpl-sim000000000001');
  });

  it('leaves not a trace of usage where it was not asked for', async () => {
    const { post } = await startSimulator();
    const steer = { 'x-sim-id': 'a' };
    const asked = await (await post('chat/completions', STREAM, steer)).text();
    const unasked = await (await post('chat/completions', { ...HELLO, stream: true }, steer)).text();
    const expected = asked
      .split('\n\n')
      .filter((event) => !event.includes('"choices":[]'))
      .join('\n\n')
      .replaceAll(',"usage":null', '');
    expect(unasked).toBe(expected);
  });
});

describe('usage', () => {
  it('is the same in JSON and stream, and follows the input rule', async () => {
    const { post } = await startSimulator();
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Say hello.' }] },
    ];
    const tools = [tool('lookup')];
    const characters =
      'system'.length + 9 + 'user'.length + 'text'.length + 10 + 'function'.length + 6 + 'object'.length;
    const answer = await (await post('chat/completions', { ...HELLO, messages, tools })).json();
    expect(answer).toMatchObject({ usage: { prompt_tokens: Math.ceil(characters / 4) + 6 } });
    const events = eventData(await (await post('chat/completions', { ...STREAM, messages, tools })).text());
    expect(events.at(-1)?.usage).toEqual(JSON.parse(JSON.stringify(answer)).usage);
  });

  it('counts every choice', async () => {
    const { post } = await startSimulator();
    const answer = await post('chat/completions', { ...STREAM, n: 3 });
    const events = eventData(await answer.text());
    expect(events.at(-1)?.usage.completion_tokens).toBe(15);
    expect(events.filter((event) => event.choices[0]?.finish_reason === 'stop')).toHaveLength(3);
  });

  it('ends with length at the token limit', async () => {
    const { post } = await startSimulator();
    const answer = await post('chat/completions', { ...HELLO, max_completion_tokens: 2 });
    expect(await answer.json()).toMatchObject({
      choices: [{ message: { content: 'Hello from' }, finish_reason: 'length' }],
      usage: { completion_tokens: 2 },
    });
  });

  it('comes before the moderation chunk', async () => {
    const { post } = await startSimulator();
    const events = eventData(await (await post('chat/completions', { ...STREAM, moderation: {} })).text());
    expect(events.at(-2)).toMatchObject({ choices: [], usage: { completion_tokens: 5 } });
    expect(events.at(-1)).toMatchObject({ choices: [], usage: null, moderation: {} });
  });
});

describe('tool calls', () => {
  const tools = [tool('transfer_to_expert'), tool('lookup'), tool('other')];

  async function next(messages: unknown[], more: object = {}): Promise<string> {
    const { post } = await startSimulator();
    const answer = await (await post('chat/completions', { model: 'gpt-5', messages, tools, ...more })).json();
    const { message } = JSON.parse(JSON.stringify(answer)).choices[0];
    return message.tool_calls?.map((call: { function: { name: string } }) => call.function.name).join() ?? 'text';
  }

  it('calls a function, then the handoff, then talks', async () => {
    expect(await next([user])).toBe('lookup');
    expect(await next([user, ...called('lookup')])).toBe('transfer_to_expert');
    const bothCalled = [user, ...called('lookup'), ...called('transfer_to_expert')];
    expect(await next(bothCalled, { tools: [tool('lookup'), tool('transfer_to_expert')] })).toBe('text');
  });

  it('calls a function of the agent that a handoff led to', async () => {
    const handedOff = [user, ...called('lookup'), ...called('transfer_to_expert')];
    expect(await next(handedOff, { tools: [tool('expertise')] })).toBe('expertise');
  });

  it('talks after a result when there is no handoff', async () => {
    expect(await next([user, ...called('lookup')], { tools: [tool('lookup'), tool('other')] })).toBe('text');
  });

  it('calls a function not yet called for the next message of the user', async () => {
    expect(await next([user, ...called('lookup'), { role: 'assistant', content: 'x' }, user])).toBe('other');
  });

  it('heeds tool_choice', async () => {
    expect(await next([user], { tool_choice: 'none' })).toBe('text');
    const other = { type: 'function', function: { name: 'other' } };
    expect(await next([user], { tool_choice: other })).toBe('other');
    expect(await next([user, ...called('other')], { tool_choice: other })).toBe('text');
  });

  it('streams as many calls as asked for, as OpenAI streams them', async () => {
    const { post } = await startSimulator();
    const answer = await post('chat/completions', { ...STREAM, tools }, { 'x-sim-tool-calls': '2' });
    const events = eventData(await answer.text());
    const calls = events.flatMap((event) => event.choices[0]?.delta.tool_calls ?? []);
    expect(calls.map((call) => [call.index, call.function.name, call.function.arguments])).toEqual([
      [0, 'transfer_to_expert', ''],
      [0, undefined, '{}'],
      [1, 'lookup', ''],
      [1, undefined, '{}'],
    ]);
    expect(events.at(-2)?.choices[0]?.finish_reason).toBe('tool_calls');
    expect(events.at(-1)?.usage.completion_tokens).toBe(4);
  });
});
