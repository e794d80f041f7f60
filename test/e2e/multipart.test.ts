import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerJson, type FakeUpstream, type ReceivedRequest, startFakeUpstream } from '../support/fake-upstream.ts';
import { heldBytesMeter, letOthersRun } from '../support/held-memory.ts';
import { connectRaw, readRawAnswer } from '../support/raw-client.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

const BOUNDARY = 'x-boundary-x';
const CONTENT_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
const LOOK_EVERY_BYTES = 2_000_000;
const USAGE = { type: 'tokens', input_tokens: 14, output_tokens: 101, total_tokens: 115 };

function field(name: string, value: string): Buffer {
  return Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
}

/** A file whose bytes look like much else. */
function file(bytes: number): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n`;
  const content = Buffer.from(
    '\r\n--x-boundary-\r\nname="model"\r\n\r\nwrong\r\n\u00ff\u0000'.repeat(1 + bytes / 45),
    'latin1',
  );
  return Buffer.concat([Buffer.from(head), content.subarray(0, bytes), Buffer.from('\r\n')]);
}

const form = (...parts: readonly Buffer[]) => Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);

let whisper: FakeUpstream;
let gpt: FakeUpstream;
let single: TestProxy;
let several: TestProxy;

beforeAll(async () => {
  whisper = await startFakeUpstream((_request, response) => answerJson(response, { text: 'w', usage: USAGE }));
  gpt = await startFakeUpstream((_request, response) => answerJson(response, { text: 'g', usage: USAGE }));
  single = await startProxy({ upstreamUrl: whisper.url });
  several = await startProxy({
    upstreamUrl: whisper.url,
    env: { METERTAP_UPSTREAM_URL: '' },
    yaml: `
listen: { body_limit_mb: 4 }
upstreams:
  - { name: whisper, base_url: "${whisper.url}", models: ["whisper-*"] }
  - { name: gpt, base_url: "${gpt.url}", models: ["gpt-*"] }
`,
  });
});

afterAll(async () => {
  await single?.close();
  await several?.close();
  await whisper?.close();
  await gpt?.close();
});

interface Sent {
  readonly status: number;
  readonly text: string;
  readonly id: string;
}

/** Posts the body: whole, or in pieces of `pieceBytes` and then without its length. */
async function post(proxy: TestProxy, body: Buffer, pieceBytes: number | null = null): Promise<Sent> {
  const client = new Pool(proxy.url);
  const answer = await client.request({
    method: 'POST',
    path: '/v1/audio/transcriptions',
    headers: { authorization: 'Bearer sk-client', 'content-type': CONTENT_TYPE },
    body: pieceBytes === null ? body : Readable.from(piecesOf(body, pieceBytes)),
  });
  const id = String(answer.headers['x-metertap-request-id']);
  const sent = { status: answer.statusCode, text: await answer.body.text(), id };
  await client.close();
  return sent;
}

function* piecesOf(body: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

function lastOf(upstream: FakeUpstream): ReceivedRequest {
  const last = upstream.requests.at(-1);
  if (last === undefined) throw new Error('nothing has arrived');
  return last;
}

const MODEL = field('model', 'gpt-4o-transcribe');
const STREAM = field('stream', 'true');
const FORMS: readonly (readonly [string, Buffer])[] = [
  ['the model before a small file', form(MODEL, file(100))],
  ['the model after a small file', form(file(100), MODEL)],
  ['the model before a large file', form(MODEL, file(3_000_000))],
  ['the model after a large file', form(file(3_000_000), MODEL)],
  ['the model between two files', form(file(200_000), MODEL, file(70_000))],
  ['the model among other fields', form(field('prompt', 'model'), file(10), field('language', 'de'), MODEL, STREAM)],
];

describe.each(FORMS)('a form with %s', (_, body) => {
  it.each([
    ['whole', null],
    ['in large pieces', 65_536],
    ['in pieces of 1,021 bytes', 1021],
  ])('%s, arrives as it was sent, and is recorded with its model', async (_how, pieceBytes) => {
    const sent = await post(single, body, pieceBytes);
    expect(sent).toMatchObject({ status: 200, text: JSON.stringify({ text: 'w', usage: USAGE }) });
    const received = lastOf(whisper);
    expect(received.body.equals(body)).toBe(true);
    expect(received.headers['content-type']).toBe(CONTENT_TYPE);
    expect(received.headers['content-length']).toBe(pieceBytes === null ? String(body.length) : undefined);
    expect(await single.ask(`/api/v1/records/${sent.id}`)).toMatchObject({
      endpoint: 'audio/transcriptions',
      ending: 'completed',
      request_model: 'gpt-4o-transcribe',
      stream: body.includes(STREAM),
      usage: { input_tokens: 14, output_tokens: 101, total_tokens: 115 },
    });
  });

  it.each([
    ['whole', null],
    ['in large pieces', 65_536],
    ['in pieces of 1,021 bytes', 1021],
  ])('%s, goes to the upstream that has its model', async (_how, pieceBytes) => {
    const sent = await post(several, body, pieceBytes);
    expect(sent).toMatchObject({ status: 200, text: JSON.stringify({ text: 'g', usage: USAGE }) });
    expect(lastOf(gpt).body.equals(body)).toBe(true);
    expect(await several.ask(`/api/v1/records/${sent.id}`)).toMatchObject({
      upstream: 'gpt',
      request_model: 'gpt-4o-transcribe',
    });
  });
});

describe('where several upstreams may be meant', () => {
  it('a form byte by byte goes to the one that has its model', async () => {
    const body = form(file(50), field('model', 'whisper-1'), STREAM);
    expect(await post(several, body, 1)).toMatchObject({ status: 200 });
    expect(lastOf(whisper).body.equals(body)).toBe(true);
  });

  it('a form without a model goes to the first', async () => {
    const body = form(file(100_000));
    const sent = await post(several, body);
    expect(sent.status).toBe(200);
    expect(lastOf(whisper).body.equals(body)).toBe(true);
    expect(await several.ask(`/api/v1/records/${sent.id}`)).toMatchObject({ upstream: 'whisper', request_model: null });
  });

  it('a body that is no form goes to the first as it is', async () => {
    const body = Buffer.from('not at all what its type says');
    expect(await post(several, body)).toMatchObject({ status: 200 });
    expect(lastOf(whisper).body.equals(body)).toBe(true);
  });

  it('a form whose model comes after more than may be kept is refused', async () => {
    const before = [whisper.requests.length, gpt.requests.length];
    const sent = await post(several, form(file(5_000_000), MODEL), 65_536);
    expect(sent.status).toBe(413);
    expect(JSON.parse(sent.text)).toMatchObject({ error: { code: 'body_too_large', param: 'model' } });
    expect([whisper.requests.length, gpt.requests.length]).toEqual(before);
  });

  it('a model that nobody has is refused', async () => {
    const sent = await post(several, form(file(100_000), field('model', 'other')));
    expect([sent.status, JSON.parse(sent.text).error.code]).toEqual([404, 'model_not_found']);
  });
});

describe('an upload', () => {
  it('of 48 MB is not held in memory where the upstream reads slowly', async () => {
    const heldBytes = heldBytesMeter();
    const chunk = Buffer.alloc(65_536, 'x');
    const chunks = 768;
    let mostHeld = 0;
    let received = 0;
    let looks = 0;
    const slow = createServer(async (request, response) => {
      const before = heldBytes();
      for await (const part of request) {
        received += part.length;
        if (received < looks * LOOK_EVERY_BYTES) continue;
        looks++;
        await letOthersRun();
        mostHeld = Math.max(mostHeld, heldBytes() - before);
      }
      answerJson(response, { text: 's', usage: USAGE });
    });
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    const address = slow.address() as AddressInfo;
    await using proxy = await startProxy({ upstreamUrl: `http://127.0.0.1:${address.port}/v1` });
    const start = Buffer.concat([MODEL, file(0).subarray(0, -2)]);
    const end = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
    function* upload(): Generator<Buffer> {
      yield start;
      for (let i = 0; i < chunks; i++) yield chunk;
      yield end;
    }
    const client = new Pool(proxy.url);
    const answer = await client.request({
      method: 'POST',
      path: '/v1/audio/transcriptions',
      headers: { authorization: 'Bearer sk-client', 'content-type': CONTENT_TYPE },
      body: Readable.from(upload()),
    });
    expect(await answer.body.json()).toEqual({ text: 's', usage: USAGE });
    expect(received).toBe(start.length + chunks * chunk.length + end.length);
    expect(mostHeld).toBeLessThan(20_000_000);
    await client.close();
    await new Promise((resolve) => slow.close(resolve));
  });

  it.each(['with its length', 'in chunks'])(
    '%s is taken to its end where the upstream has answered before, so that its client reads that answer',
    async (how) => {
      const refusal = { error: { message: 'Maximum content size limit exceeded', code: null } };
      const hasty = createServer((_request, response) => {
        response.writeHead(413, { 'content-type': 'application/json', connection: 'close' });
        response.end(JSON.stringify(refusal));
      });
      await new Promise<void>((resolve) => hasty.listen(0, '127.0.0.1', resolve));
      const address = hasty.address() as AddressInfo;
      await using proxy = await startProxy({ upstreamUrl: `http://127.0.0.1:${address.port}/v1` });
      await using client = await connectRaw(proxy.url);
      const start = Buffer.concat([MODEL, file(0).subarray(0, -2)]);
      const rest = Buffer.alloc(32_000_000, 'x'); // far more than sockets take by themselves
      const isChunked = how === 'in chunks';
      const framing = isChunked ? 'transfer-encoding: chunked' : `content-length: ${start.length + rest.length}`;
      const head = `POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-client\r\n`;
      const framed = (bytes: Buffer) =>
        isChunked
          ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
          : bytes;
      client.send(`${head}content-type: ${CONTENT_TYPE}\r\n${framing}\r\n\r\n`);
      client.send(framed(start));
      await client.until(JSON.stringify(refusal));
      client.send(framed(rest));
      await client.flushed();
      expect(readRawAnswer(client.received).status).toBe(413);
      expect(await proxy.records()).toMatchObject([{ status: 413, ending: 'upstream_error' }]);
      hasty.closeAllConnections();
      await new Promise((resolve) => hasty.close(resolve));
    },
  );
});
