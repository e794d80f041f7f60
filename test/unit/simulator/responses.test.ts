import { describe, expect, it } from 'vitest';
import { eventData, startSimulator } from './start-simulator.ts';

const HI = { model: 'gpt-5-mini', input: 'Say hello.' };

describe('the stream of a response', () => {
  it('has the events of OpenAI in their order, numbered', async () => {
    const { post } = await startSimulator();
    const stream = await (await post('responses', { ...HI, stream: true }, { 'x-sim-events': '2' })).text();
    expect([...stream.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const events = eventData(stream);
    expect(events.map((event) => event.sequence_number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(events[0]?.response).toMatchObject({ status: 'in_progress', usage: null });
    expect(events[9]?.response.usage).toEqual({
      input_tokens: 6,
      input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 8,
    });
  });

  it('has a reasoning item where there are reasoning tokens', async () => {
    const { post } = await startSimulator();
    const answer = await (await post('responses', HI, { 'x-sim-reasoning-tokens': '64' })).json();
    expect(answer).toMatchObject({
      output: [{ type: 'reasoning' }, { type: 'message' }],
      usage: { output_tokens: 69, output_tokens_details: { reasoning_tokens: 64 } },
    });
  });

  it.each([
    ['incomplete', { incomplete_details: { reason: 'max_output_tokens' }, usage: { total_tokens: 11 } }],
    ['failed', { error: { code: 'server_error' }, usage: null }],
  ])('ends %s when asked to, streamed and not', async (end, expected) => {
    const { post } = await startSimulator();
    const steer = { 'x-sim-responses-end': end };
    expect(await (await post('responses', HI, steer)).json()).toMatchObject({ status: end, ...expected });
    const last = eventData(await (await post('responses', { ...HI, stream: true }, steer)).text()).at(-1);
    expect(last).toMatchObject({ type: `response.${end}`, response: { status: end, ...expected } });
  });

  it('is incomplete at the token limit', async () => {
    const { post } = await startSimulator();
    const answer = await post('responses', { ...HI, max_output_tokens: 3 });
    expect(await answer.json()).toMatchObject({ status: 'incomplete', usage: { output_tokens: 3 } });
  });

  it('nests an error, then fails', async () => {
    const { post } = await startSimulator();
    const answer = await post('responses', { ...HI, stream: true }, { 'x-sim-error-in-stream': '5' });
    const events = eventData(await answer.text());
    expect(events.map((event) => event.sequence_number)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(events[5]).toMatchObject({ type: 'error', error: { code: 'server_error' } });
    expect(events[6]).toMatchObject({ type: 'response.failed', response: { usage: null } });
  });
});

describe('background responses', () => {
  it('end with the retrieve that was asked for', async () => {
    const { post, get } = await startSimulator();
    const polls = { 'x-sim-background-polls': '3', 'x-sim-id': 'bg' };
    expect(await (await post('responses', { ...HI, background: true }, polls)).json()).toMatchObject({
      status: 'queued',
      usage: null,
    });
    const statuses = [];
    for (let poll = 0; poll < 4; poll++) statuses.push(await (await get('responses/resp_bg')).json());
    expect(statuses).toMatchObject([
      { status: 'in_progress', usage: null },
      { status: 'in_progress', usage: null },
      { status: 'completed', usage: { total_tokens: 11 } },
      { status: 'completed', usage: { total_tokens: 11 } },
    ]);
  });

  it('stream, and replay the same bytes', async () => {
    const { post, get } = await startSimulator();
    const body = { ...HI, background: true, stream: true };
    const stream = await (await post('responses', body, { 'x-sim-id': 'bg' })).text();
    expect(stream).toContain('event: response.queued\n');
    expect(await (await get('responses/resp_bg?stream=true')).text()).toBe(stream);
    const rest = await (await get('responses/resp_bg?stream=true&starting_after=4')).text();
    expect(stream.endsWith(rest)).toBe(true);
    expect(eventData(rest)[0]?.sequence_number).toBe(5);
  });

  it('alone can be replayed and cancelled', async () => {
    const { post, get } = await startSimulator();
    await post('responses', HI, { 'x-sim-id': 'plain' });
    expect((await get('responses/resp_plain')).status).toBe(200);
    expect((await get('responses/resp_plain?stream=true')).status).toBe(400);
    expect((await post('responses/resp_plain/cancel', {})).status).toBe(400);
  });

  it('keep their usage when cancelled after the end', async () => {
    const { post, get } = await startSimulator();
    await post('responses', { ...HI, background: true }, { 'x-sim-id': 'bg', 'x-sim-background-polls': '1' });
    await get('responses/resp_bg');
    const cancelled = await post('responses/resp_bg/cancel', {});
    expect(await cancelled.json()).toMatchObject({ status: 'completed', usage: { total_tokens: 11 } });
  });

  it('are not kept with store false', async () => {
    const { post, get } = await startSimulator();
    await post('responses', { ...HI, store: false }, { 'x-sim-id': 'gone' });
    expect((await get('responses/resp_gone')).status).toBe(404);
  });
});

describe('a conversation of responses', () => {
  const fn = (name: string) => ({ type: 'function', name, parameters: { type: 'object' } });

  it('calls the function, then the handoff, then talks, over previous_response_id', async () => {
    const { post } = await startSimulator();
    const tools = [fn('transfer_to_expert'), fn('lookup')];
    const say = async (body: object) => {
      const answer = await (await post('responses', { model: 'gpt-5', tools, ...body })).json();
      return JSON.parse(JSON.stringify(answer));
    };
    const result = (call_id: string) => [{ type: 'function_call_output', call_id, output: 'done' }];
    const first = await say({ input: 'go' });
    expect(first.output[0].name).toBe('lookup');
    const second = await say({ previous_response_id: first.id, input: result(first.output[0].call_id) });
    expect(second.output[0].name).toBe('transfer_to_expert');
    const third = await say({ previous_response_id: second.id, input: result(second.output[0].call_id) });
    expect(third.output[0].type).toBe('message');
    const own = Math.ceil(('lookup' + 'transfer_to_expert' + 'functionfunctionobjectobject').length / 4);
    expect(first.usage.input_tokens).toBeGreaterThanOrEqual(own);
    expect(third.usage.input_tokens).toBeGreaterThan(second.usage.total_tokens);
  });
});
