import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { CLIENT_KEY } from '../support/calls.ts';
import { runCli } from '../support/cli-process.ts';
import { cloudEventsOf, type EventReceiver, startEventReceiver } from '../support/event-receiver.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { type ServedProxy, serveProxy } from '../support/served-proxy.ts';
import { SIGNING_SECRET } from '../support/sink-settings.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const WAIT = { timeout: 40_000, interval: 20 };

async function startSimulator(): Promise<Simulator> {
  const simulator = await createSimulator({ port: 0 });
  onTestFinished(() => simulator.close());
  return simulator;
}

async function startReceiver(): Promise<EventReceiver> {
  const receiver = await startEventReceiver();
  onTestFinished(() => receiver.close());
  return receiver;
}

async function startWith(upstreamUrl: string, sinks: string): Promise<TestProxy> {
  const proxy = await startProxy({ upstreamUrl, yaml: `sinks:\n${sinks}` });
  onTestFinished(() => proxy.close());
  return proxy;
}

const cloudEvents = (url: string, more = '') => `  - { name: out, kind: cloudevents, url: "${url}" ${more} }\n`;

async function call(baseUrl: string, model = 'gpt-5-mini'): Promise<string> {
  const answer = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Say hello.' }] }),
  });
  await answer.arrayBuffer();
  return answer.headers.get('x-metertap-request-id') ?? '';
}

const calls = (baseUrl: string, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => call(baseUrl)));

async function standing(ask: TestProxy['ask'], name = 'out'): Promise<Record<string, unknown>> {
  const { data } = await ask('/api/v1/sinks');
  const found = asList(data)
    .map(asRecord)
    .find((sink) => sink['name'] === name);
  if (found === undefined) throw new Error(`no sink ${name}`);
  return found;
}

function post(proxy: TestProxy, path: string): Promise<Response> {
  return fetch(`${proxy.url}${path}`, { method: 'POST', headers: { authorization: `Bearer ${proxy.adminKey}` } });
}

describe('usage', () => {
  it('reaches a receiver as CloudEvents, the record as data, each call once', async () => {
    const simulator = await startSimulator();
    const receiver = await startReceiver();
    const proxy = await startWith(simulator.baseUrl, cloudEvents(receiver.url, ', token: sink-token'));
    await calls(proxy.baseUrl, 20);
    const records = await proxy.records();
    await vi.waitFor(() => expect(receiver.takenIds.toSorted()).toEqual(records.map(({ id }) => id).toSorted()), WAIT);
    const [request] = receiver.requests;
    expect(request?.headers.authorization).toBe('Bearer sink-token');
    const [event = {}] = request === undefined ? [] : cloudEventsOf(request);
    const record = asRecord(records.find(({ id }) => id === event['id']));
    expect(event).toMatchObject({
      specversion: '1.0',
      type: 'llm.usage.v1',
      source: '/metertap',
      time: record['ended_at'],
    });
    // What is sent is what was recorded: corrections come later, if at all.
    const { usage_raw: _raw, schema: _schema, corrected_cost_usd: _corrected, ...expected } = record;
    expect(event['data']).toEqual(expected);
    await vi.waitFor(async () => expect(await standing(proxy.ask)).toMatchObject({ state: 'idle', waiting: 0 }), WAIT);
    const metrics = await (await fetch(`${proxy.url}/metrics`)).text();
    expect(metrics).toContain('metertap_sink_delivered_total{sink="out"} 20');
    expect(metrics).toContain('metertap_sink_lag_seconds{sink="out"} 0');
  });

  it('arrives whole after the receiver was away, which no call has noticed', async () => {
    const simulator = await startSimulator();
    const receiver = await startReceiver();
    receiver.answer(() => 503);
    const proxy = await startWith(simulator.baseUrl, cloudEvents(receiver.url));
    await calls(proxy.baseUrl, 10);
    await vi.waitFor(
      async () => expect(await standing(proxy.ask)).toMatchObject({ state: 'failing', last_error: 'HTTP 503' }),
      WAIT,
    );
    receiver.answer(() => 204);
    const records = await proxy.records();
    await vi.waitFor(() => expect(receiver.takenIds.toSorted()).toEqual(records.map(({ id }) => id).toSorted()), WAIT);
    expect(proxy.logLines.filter(({ sink, level }) => sink === 'out' && level === 'warn')).toHaveLength(1);
  });

  it('is not delayed for clients by a receiver that never answers', async () => {
    const simulator = await startSimulator();
    const receiver = await startReceiver();
    receiver.answer(() => null);
    const proxy = await startWith(simulator.baseUrl, cloudEvents(receiver.url, ', timeout_ms: 250'));
    expect((await calls(proxy.baseUrl, 30)).every((id) => id !== '')).toBe(true);
    await vi.waitFor(async () => {
      expect(await standing(proxy.ask)).toMatchObject({ last_error: 'no answer within 250 ms', waiting: 30 });
    }, WAIT);
  });

  it('is sent again after a receiver has asked to wait', async () => {
    const simulator = await startSimulator();
    const receiver = await startReceiver();
    let requests = 0;
    receiver.answer((_request, response) => {
      requests += 1;
      if (requests > 1) return 204;
      response.writeHead(429, { 'retry-after': '1' }).end();
      return null;
    });
    const proxy = await startWith(simulator.baseUrl, cloudEvents(receiver.url));
    const id = await call(proxy.baseUrl);
    await vi.waitFor(() => expect(receiver.takenIds).toEqual([id]), WAIT);
    expect(requests).toBe(2);
  });

  it('goes on past an event that is refused, which is parked until it is asked for again', async () => {
    const simulator = await startSimulator();
    const receiver = await startReceiver();
    let poison = '';
    receiver.answer((request) => (poison !== '' && request.text.includes(poison) ? 400 : 204));
    const proxy = await startWith(simulator.baseUrl, cloudEvents(receiver.url, ', max_attempts: 2'));
    receiver.answer(() => 503);
    const ids = await calls(proxy.baseUrl, 9);
    poison = ids[4] ?? '';
    receiver.answer((request) => (request.text.includes(poison) ? 400 : 204));
    const others = ids.filter((id) => id !== poison).toSorted();
    await vi.waitFor(() => expect(receiver.takenIds.toSorted()).toEqual(others), WAIT);
    await vi.waitFor(async () => {
      expect(await standing(proxy.ask)).toMatchObject({
        parked: 1,
        waiting: 0,
        last_parked: { id: poison, reason: 'HTTP 400' },
      });
    }, WAIT);
    expect(proxy.logLines).toContainEqual(expect.objectContaining({ level: 'error', sink: 'out', id: poison }));

    receiver.answer(() => 204);
    expect(await (await post(proxy, '/api/v1/sinks/out/retry')).json()).toEqual({ name: 'out', retrying: 1 });
    await vi.waitFor(() => expect(receiver.takenIds.toSorted()).toEqual(ids.toSorted()), WAIT);
    await vi.waitFor(async () => expect(await standing(proxy.ask)).toMatchObject({ parked: 0 }), WAIT);
  });

  it('is delivered before a stop ends', async () => {
    const simulator = await startSimulator();
    const receiver = await startReceiver();
    const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>();
    receiver.answer(async () => {
      await mayAnswer;
      return 204;
    });
    const proxy = await startWith(simulator.baseUrl, cloudEvents(receiver.url, ', batch_size: 2'));
    const ids = await calls(proxy.baseUrl, 9);
    const closed = proxy.close();
    answer();
    await closed;
    expect(receiver.takenIds.toSorted()).toEqual(ids.toSorted());
  });

  it('goes to another receiver after a reload, without a gap', async () => {
    const simulator = await startSimulator();
    const [before, after] = [await startReceiver(), await startReceiver()];
    const dataDir = temporaryFolder();
    const file = join(dataDir, 'metertap.yaml');
    writeFileSync(file, `sinks:\n${cloudEvents(before.url)}`);
    const served = await serve(dataDir, simulator.baseUrl, file);
    const first = await calls(served.baseUrl, 3);
    await vi.waitFor(() => expect(before.takenIds.toSorted()).toEqual(first.toSorted()), WAIT);
    writeFileSync(file, `sinks:\n${cloudEvents(after.url)}`);
    served.cli.process.kill('SIGHUP');
    const later: string[] = [];
    await vi.waitFor(async () => {
      later.push(await call(served.baseUrl));
      expect(after.takenIds.length).toBeGreaterThan(0);
    }, WAIT);
    await vi.waitFor(
      () => expect([...before.takenIds, ...after.takenIds].toSorted()).toEqual([...first, ...later].toSorted()),
      WAIT,
    );
  });
});

async function serve(dataDir: string, upstreamUrl: string, config: string): Promise<ServedProxy> {
  const proxy = await serveProxy({ dataDir, upstreamUrl, env: { METERTAP_CONFIG: config } });
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

describe('killed with SIGKILL while it delivers', () => {
  it('has delivered every record after the restarts, repeated ones under the same id', {
    timeout: 120_000,
  }, async () => {
    const simulator = await startSimulator();
    const receiver = await startReceiver();
    const dataDir = temporaryFolder();
    const config = join(dataDir, 'metertap.yaml');
    writeFileSync(config, `sinks:\n${cloudEvents(receiver.url, ', batch_size: 3')}`);
    for (let round = 1; round <= 3; round++) {
      const proxy = await serve(dataDir, simulator.baseUrl, config);
      const killed = Promise.withResolvers<void>();
      let requests = 0;
      // The process dies when the receiver has an event and has not answered yet; odd rounds answer all the same.
      receiver.answer((_request, response) => {
        requests += 1;
        if (requests < 3) return 204;
        if (requests === 3) killed.resolve(proxy.kill('SIGKILL').then(() => undefined));
        if (round % 2 === 1) return 204;
        response.destroy();
        return null;
      });
      await Promise.allSettled(Array.from({ length: 30 }, () => call(proxy.baseUrl)));
      await killed.promise;
    }
    receiver.answer(() => 204);
    const proxy = await serve(dataDir, simulator.baseUrl, config);
    const records = await proxy.records();
    expect(records.length).toBeGreaterThan(9);
    await vi.waitFor(() => {
      expect([...new Set(receiver.takenIds)].toSorted()).toEqual(records.map(({ id }) => String(id)).toSorted());
    }, WAIT);
    await vi.waitFor(async () => expect(await standing(proxy.ask)).toMatchObject({ waiting: 0, parked: 0 }), WAIT);
  });
});

describe('two processes on one data folder', () => {
  it('deliver each record once, and the other goes on when one is killed', { timeout: 120_000 }, async () => {
    const simulator = await startSimulator();
    const receiver = await startReceiver();
    const dataDir = temporaryFolder();
    const config = join(dataDir, 'metertap.yaml');
    writeFileSync(config, `sinks:\n${cloudEvents(receiver.url, ', batch_size: 5')}`);
    const [one, other] = [
      await serve(dataDir, simulator.baseUrl, config),
      await serve(dataDir, simulator.baseUrl, config),
    ];
    const ids = (await Promise.all([calls(one.baseUrl, 30), calls(other.baseUrl, 30)])).flat();
    await vi.waitFor(() => expect(receiver.takenIds.toSorted()).toEqual(ids.toSorted()), WAIT);

    // Taken and noted as delivered: what is killed in between sends again, as it promises.
    await vi.waitFor(async () => expect(await standing(other.ask)).toMatchObject({ waiting: 0 }), WAIT);

    await one.kill('SIGKILL');
    const later = await calls(other.baseUrl, 5);
    await vi.waitFor(() => expect(receiver.takenIds.toSorted()).toEqual([...ids, ...later].toSorted()), WAIT);
  });
});

describe('alerts', () => {
  it('reach a webhook, signed, once for a model and day, also over a restart', async () => {
    const receiver = await startReceiver();
    await using upstream = await startFakeUpstream((request, response) => {
      const model: unknown = JSON.parse(request.body.toString('utf8')).model;
      const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
      answerJson(response, { id: 'chatcmpl-1', model, choices: [], usage });
    });
    const dataDir = temporaryFolder();
    const yaml = `sinks:\n  - { name: pager, kind: webhook, url: "${receiver.url}", signing_secrets: ["${SIGNING_SECRET}"] }\n`;
    const delivered = () =>
      receiver.requests.map(({ headers, text }) => {
        const seen = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
        return asRecord(new Webhook(SIGNING_SECRET).verify(text, seen));
      });
    {
      await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml, dataDir });
      for (let n = 0; n < 5; n++) await call(proxy.baseUrl, 'a-model-of-tomorrow');
      await vi.waitFor(() => expect(delivered()).toHaveLength(1), WAIT);
    }
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml, dataDir });
    await call(proxy.baseUrl, 'a-model-of-tomorrow');
    await call(proxy.baseUrl, 'another-model-of-tomorrow');
    await vi.waitFor(() => expect(delivered()).toHaveLength(2), WAIT);
    expect(delivered()).toMatchObject([
      { type: 'model.unpriced', data: { model: 'a-model-of-tomorrow' } },
      { type: 'model.unpriced', data: { model: 'another-model-of-tomorrow' } },
    ]);
    expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual(delivered().map(({ id }) => id));
  });
});

describe('metertap sinks', () => {
  it('lists, tests and retries', async () => {
    const simulator = await startSimulator();
    const receiver = await startReceiver();
    const lago = `  - { name: lago, kind: lago, url: "${receiver.url}", token: t }\n`;
    const proxy = await startWith(simulator.baseUrl, cloudEvents(receiver.url) + lago);
    const env = { METERTAP_URL: proxy.url, METERTAP_ADMIN_KEY: proxy.adminKey };
    const run = (...args: string[]) => runCli(['sinks', ...args], { cwd: proxy.dataDir, env });
    expect(await run('list')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^out +cloudevents .* idle /m) });
    expect(await run('test', 'out')).toMatchObject({ code: 0, stdout: 'out has taken a test event.\n' });
    expect(receiver.requests.map(({ text }) => text)).toEqual([expect.stringContaining('"type":"sink.test"')]);
    expect(await run('test', 'lago')).toMatchObject({ code: 1, stderr: expect.stringContaining('would be billed') });
    expect(await run('test', 'nobody')).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no sink') });
    expect(await run('retry', 'out')).toMatchObject({ code: 0, stdout: '0 parked events are sent again.\n' });
    receiver.answer(() => 500);
    expect(await run('test', 'out')).toMatchObject({ code: 1, stdout: 'out has not taken it: HTTP 500\n' });
    expect(await run('list', '--json')).toMatchObject({ code: 0, stdout: expect.stringContaining('"parked": 0') });
    expect(await run('sweep')).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: metertap sinks') });
  });

  it('shows sinks to administrators only', async () => {
    const simulator = await startSimulator();
    const proxy = await startWith(simulator.baseUrl, '  []');
    const asked = await fetch(`${proxy.url}/api/v1/sinks`, { headers: { authorization: `Bearer ${CLIENT_KEY}` } });
    expect(asked.status).toBe(403);
    expect(await proxy.ask('/api/v1/sinks')).toEqual({ data: [], next_cursor: null });
  });
});
