import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { Pool } from 'undici';
import { expect, it } from 'vitest';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, rawRequest, readRawAnswer } from '../support/raw-client.ts';
import { startProxy } from '../support/start-proxy.ts';

const SPEECH = '{"model":"gpt-4o-mini-tts","input":"Hello","voice":"alloy"}';
const HEADERS = { authorization: 'Bearer sk-client', 'content-type': 'application/json' };

/** Any audio, written in pieces of any size, its length announced or not. */
const audio = fc.record({
  bytes: fc
    .tuple(fc.uint8Array({ maxLength: 2000 }), fc.nat(40))
    .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes))),
  pieceBytes: fc.integer({ min: 1, max: 5000 }),
  isLengthKnown: fc.boolean(),
});

it('audio arrives byte for byte, however it is cut', async () => {
  let speak: (response: ServerResponse) => void = () => undefined;
  await using upstream = await startFakeUpstream((_request, response) => speak(response));
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const client = new Pool(proxy.url);
  const property = fc.asyncProperty(audio, async ({ bytes, pieceBytes, isLengthKnown }) => {
    const length = isLengthKnown ? String(bytes.length) : undefined;
    speak = (response) => {
      response.writeHead(200, {
        'content-type': 'audio/mpeg',
        ...(length === undefined ? {} : { 'content-length': length }),
      });
      for (let at = 0; at < bytes.length; at += pieceBytes) response.write(bytes.subarray(at, at + pieceBytes));
      response.end();
    };
    const answer = await client.request({ method: 'POST', path: '/v1/audio/speech', headers: HEADERS, body: SPEECH });
    expect(Buffer.from(await answer.body.arrayBuffer()).equals(bytes)).toBe(true);
    expect(answer.headers['content-type']).toBe('audio/mpeg');
    expect(answer.headers['content-length']).toBe(length);
    const record = await proxy.ask(`/api/v1/records/${answer.headers['x-metertap-request-id']}`);
    expect(record).toMatchObject({ ending: 'completed', usage_source: 'missing', usage: null });
  });
  await fc.assert(property, { numRuns: 40 });
  await client.close();
});

it.each([
  ['known', true],
  ['unknown', false],
])('the last bytes of audio of %s length wait for the record', async (_, isLengthKnown) => {
  const begun = Promise.withResolvers<ServerResponse>();
  await using upstream = await startFakeUpstream((_request, response) => begun.resolve(response));
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  await using client = await connectRaw(proxy.url);
  const head = Object.entries({ host: 'x', ...HEADERS }).map(([name, value]) => `${name}: ${value}`);
  client.send(rawRequest(['POST /v1/audio/speech HTTP/1.1', ...head], SPEECH));
  const response = await begun.promise;
  response.writeHead(200, { 'content-type': 'audio/mpeg', ...(isLengthKnown ? { 'content-length': '11' } : {}) });
  response.write('first,');
  // The first piece is with the client, and the upstream goes on only then.
  const { headers } = readRawAnswer(await client.until('first,'));
  const path = `/api/v1/records/${headers.get('x-metertap-request-id')}`;
  const atWhichState = client.until(isLengthKnown ? 'last.' : '\r\n0\r\n\r\n').then(() => proxy.ask(path));
  response.end('last.');
  expect(await atWhichState).toMatchObject({ ending: 'completed', status: 200 });
});
