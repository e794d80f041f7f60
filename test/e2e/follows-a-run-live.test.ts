import { expect, it } from 'vitest';
import { createSimulator } from '../../src/simulator/server.ts';
import { CHAT, postWhole } from '../support/calls.ts';
import { asRecord, startProxy } from '../support/start-proxy.ts';

/** The events of a stream as they come. */
async function* eventsOf(answer: Response): AsyncGenerator<{ event: string; data: Record<string, unknown> }> {
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString();
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const event = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (event !== undefined && data !== undefined) yield { event, data: asRecord(JSON.parse(data)) };
    }
  }
}

it('tells each call of a run as it lands, and then the totals', async () => {
  const simulator = await createSimulator({ port: 0 });
  try {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    const headers = { 'x-metertap-run-id': 'live' };
    await postWhole(proxy, 'chat/completions', CHAT, { headers });
    const answer = await fetch(`${proxy.url}/api/v1/runs/live/events`, {
      headers: { authorization: `Bearer ${proxy.adminKey}` },
    });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    const events = eventsOf(answer);
    const first = (await events.next()).value;
    expect(first).toMatchObject({ event: 'totals', data: { run_id: 'live', usage: { requests: 1 } } });

    await postWhole(proxy, 'chat/completions', CHAT, { headers: { 'x-metertap-run-id': 'another' } });
    const stream = { ...CHAT, stream: true };
    const landed = await postWhole(proxy, 'chat/completions', stream, { headers });
    const second = (await events.next()).value;
    expect(second).toMatchObject({
      event: 'record',
      data: { id: landed.headers.get('x-metertap-request-id'), run_id: 'live', usage_source: 'reported' },
    });
    const third = (await events.next()).value;
    expect(third).toMatchObject({ event: 'totals', data: { usage: { requests: 2 } } });

    // A stop ends the stream; it does not wait for a client that stays for ever.
    await proxy.close();
    expect((await events.next()).done).toBe(true);
  } finally {
    await simulator.close();
  }
});
