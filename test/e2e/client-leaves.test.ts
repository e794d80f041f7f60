import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { CHAT, onlyRecord } from '../support/calls.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, type RawClient, rawRequest } from '../support/raw-client.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

const CONTENT = 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hel"}}],"usage":null}\n\n';
const USAGE = 'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}\n\n';
const DONE = 'data: [DONE]\n\n';
const DRAIN_KEY = 'key-that-drains-0001';
const ABORT_KEY = 'key-that-aborts-0001';
const YAML = `
keys:
  - { id: drains, team: t, key: ${DRAIN_KEY}, client_leaves: drain }
  - { id: aborts, team: t, key: ${ABORT_KEY}, client_leaves: abort }
`;

/** An upstream whose answer the test writes while the call is open. */
interface HeldUpstream extends AsyncDisposable {
  readonly upstream: FakeUpstream;
  /** The answer of the first request, once that has come. */
  readonly answering: Promise<ServerResponse>;
  /** Resolves when the proxy has broken the upstream's connection off. */
  readonly broken: Promise<void>;
}

async function startHeldUpstream(): Promise<HeldUpstream> {
  const answering = Promise.withResolvers<ServerResponse>();
  const broken = Promise.withResolvers<void>();
  const upstream = await startFakeUpstream((_request, response) => {
    response.once('close', () => {
      if (!response.writableFinished) broken.resolve();
    });
    answering.resolve(response);
  });
  return {
    upstream,
    answering: answering.promise,
    broken: broken.promise,
    [Symbol.asyncDispose]: () => upstream.close(),
  };
}

async function ask(proxy: TestProxy, key: string, stream = true): Promise<RawClient> {
  const client = await connectRaw(proxy.url);
  const head = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${key}`];
  const body = stream ? { ...CHAT, stream, stream_options: { include_usage: true } } : CHAT;
  client.send(rawRequest([...head, 'content-type: application/json'], JSON.stringify(body)));
  return client;
}

function startEvents(response: ServerResponse, events: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(events);
}

describe('with drain', () => {
  it('before the answer begins, the answer is read all the same', async () => {
    await using held = await startHeldUpstream();
    await using proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml: YAML });
    await using client = await ask(proxy, DRAIN_KEY, false);
    const response = await held.answering;
    client.leave();
    await clientGone(proxy);
    answerJson(response, { id: 'c1', choices: [], usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 } });
    expect(await onlyRecord(proxy)).toMatchObject({
      key_id: 'drains',
      ending: 'client_left',
      usage_source: 'reported',
      usage: { total_tokens: 6 },
    });
  });

  it('within the stream, the rest is read for its usage', async () => {
    await using held = await startHeldUpstream();
    await using proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml: YAML });
    await using client = await ask(proxy, DRAIN_KEY);
    const response = await held.answering;
    startEvents(response, CONTENT);
    await client.until(CONTENT);
    client.leave();
    await clientGone(proxy);
    response.end(CONTENT + USAGE + DONE);
    expect(await onlyRecord(proxy)).toMatchObject({
      status: 200,
      ending: 'client_left',
      error_code: null,
      usage_source: 'reported',
      usage: { total_tokens: 6 },
    });
  });

  it('after the usage event, the usage holds', async () => {
    await using held = await startHeldUpstream();
    await using proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml: YAML });
    await using client = await ask(proxy, DRAIN_KEY);
    const response = await held.answering;
    startEvents(response, CONTENT + USAGE);
    await client.until(USAGE);
    client.leave();
    await clientGone(proxy);
    response.end(DONE);
    expect(await onlyRecord(proxy)).toMatchObject({
      ending: 'client_left',
      usage_source: 'reported',
      usage: { total_tokens: 6 },
    });
  });

  it('no longer than drain_max_ms, and then the upstream is cut', async () => {
    await using held = await startHeldUpstream();
    const yaml = `${YAML}streams: { drain_max_ms: 50 }`;
    await using proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml });
    await using client = await ask(proxy, DRAIN_KEY);
    startEvents(await held.answering, CONTENT);
    await client.until(CONTENT);
    client.leave();
    await held.broken;
    expect(await onlyRecord(proxy)).toMatchObject({ ending: 'client_left', usage_source: 'estimated' });
  });

  it('no longer than drain_max_ms before the answer begins either', async () => {
    await using held = await startHeldUpstream();
    const yaml = `${YAML}streams: { drain_max_ms: 50 }`;
    await using proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml });
    await using client = await ask(proxy, DRAIN_KEY);
    await held.answering;
    client.leave();
    await held.broken;
    expect(await onlyRecord(proxy)).toMatchObject({
      status: null,
      ending: 'client_left',
      error_code: null,
      usage_source: 'missing',
      usage: null,
    });
  });

  it('no more than drain_max_bytes, and then the upstream is cut', async () => {
    await using held = await startHeldUpstream();
    const yaml = `${YAML}streams: { drain_max_bytes: 10000 }`;
    await using proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml });
    await using client = await ask(proxy, DRAIN_KEY);
    const response = await held.answering;
    startEvents(response, CONTENT);
    await client.until(CONTENT);
    client.leave();
    await clientGone(proxy);
    response.write(CONTENT.repeat(1000));
    await held.broken;
    expect(await onlyRecord(proxy)).toMatchObject({ ending: 'client_left', usage_source: 'estimated' });
  });
});

describe('with abort', () => {
  it('before the answer begins, the upstream is cut', async () => {
    await using held = await startHeldUpstream();
    await using proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml: YAML });
    await using client = await ask(proxy, ABORT_KEY);
    await held.answering;
    client.leave();
    await held.broken;
    expect(await onlyRecord(proxy)).toMatchObject({
      key_id: 'aborts',
      status: null,
      ending: 'client_left',
      error_code: null,
      usage_source: 'missing',
      usage: null,
    });
  });

  it('within the stream, the upstream is cut', async () => {
    await using held = await startHeldUpstream();
    await using proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml: YAML });
    await using client = await ask(proxy, ABORT_KEY);
    startEvents(await held.answering, CONTENT);
    await client.until(CONTENT);
    client.leave();
    await held.broken;
    expect(await onlyRecord(proxy)).toMatchObject({
      status: 200,
      ending: 'client_left',
      error_code: null,
      usage_source: 'estimated',
    });
  });

  it('after the usage event, the usage holds', async () => {
    await using held = await startHeldUpstream();
    await using proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml: YAML });
    await using client = await ask(proxy, ABORT_KEY);
    startEvents(await held.answering, CONTENT + USAGE);
    await client.until(USAGE);
    client.leave();
    await held.broken;
    expect(await onlyRecord(proxy)).toMatchObject({
      ending: 'client_left',
      usage_source: 'reported',
      usage: { total_tokens: 6 },
    });
  });
});

it.each([DRAIN_KEY, ABORT_KEY])('right after [DONE], the call is complete (%s)', async (key) => {
  await using held = await startHeldUpstream();
  await using proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml: YAML });
  await using client = await ask(proxy, key);
  startEvents(await held.answering, CONTENT + USAGE + DONE); // and the upstream keeps its answer open
  await client.until(DONE);
  client.leave();
  await held.broken;
  expect(await onlyRecord(proxy)).toMatchObject({
    status: 200,
    ending: 'completed',
    error_code: null,
    usage_source: 'reported',
    usage: { total_tokens: 6 },
  });
});

/** Resolves when the proxy has seen that its client is gone. */
async function clientGone(proxy: TestProxy): Promise<void> {
  // The end of the client's connection stood before these in the queue of the same event loop.
  for (let i = 0; i < 2; i++) await (await fetch(`${proxy.url}/healthz`)).text();
}
