import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { contentLengthOf, decodeRequestBody, hasBody, readBody, streamBody } from '../../../src/server/body-reader.ts';
import { encode } from '../../support/content-codings.ts';

function newRequest(headers: Record<string, string> = {}): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, headers);
  return request;
}

/** The client has sent all that it announced. */
function finish(request: IncomingMessage): void {
  request.complete = true;
  request.push(null);
}

async function rest(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a body that is read whole', () => {
  it('is the sum of its parts', async () => {
    for (const parts of [[], ['a'], ['a', 'bc', 'd']]) {
      const request = newRequest();
      const body = readBody(request, 4);
      for (const part of parts) request.push(Buffer.from(part));
      finish(request);
      expect((await body).toString()).toBe(parts.join(''));
    }
  });

  it('is refused where it is announced to be too large', async () => {
    const body = readBody(newRequest({ 'content-length': '5' }), 4);
    await expect(body).rejects.toMatchObject({ code: 'body_too_large' });
  });

  it('is refused where it turns out to be too large', async () => {
    const request = newRequest();
    const body = readBody(request, 4);
    request.push(Buffer.from('abc'));
    request.push(Buffer.from('de'));
    await expect(body).rejects.toMatchObject({ code: 'body_too_large' });
  });

  it('is refused where the client stops', async () => {
    const request = newRequest();
    const body = readBody(request, 4);
    request.push(Buffer.from('a'));
    request.destroy();
    await expect(body).rejects.toMatchObject({ code: 'malformed_request' });
  });
});

describe('a body that is decoded', () => {
  const text = Buffer.from('{"model":"m"}');

  it('is what it was', async () => {
    const request = newRequest({ 'content-encoding': 'gzip, zstd' });
    expect((await decodeRequestBody(encode(text, ['gzip', 'zstd']), request, 100)).equals(text)).toBe(true);
    expect(await decodeRequestBody(text, newRequest(), 1)).toBe(text);
  });

  it.each([
    ['gzip', encode(Buffer.alloc(101), ['gzip']), 'body_too_large'],
    ['gzip', text, 'malformed_body'],
    ['compress', text, 'unsupported_encoding'],
  ])('with %s is refused where it cannot be', async (coding, body, code) => {
    const request = newRequest({ 'content-encoding': coding });
    await expect(decodeRequestBody(body, request, 100)).rejects.toMatchObject({ code });
  });
});

describe('a body that is streamed', () => {
  it('begins with what has been read ahead, and shows the rest on its way', async () => {
    const request = newRequest();
    const seen: string[] = [];
    const body = streamBody(request, [Buffer.from('ab'), Buffer.from('c')], (chunk) => seen.push(chunk.toString()));
    request.push(Buffer.from('de'));
    finish(request);
    const parts: Buffer[] = [];
    for await (const part of body) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe('abcde');
    expect(seen).toEqual(['de']);
  });

  it('may have been read ahead to its end', async () => {
    const request = newRequest();
    finish(request);
    request.resume();
    await rest();
    const parts: Buffer[] = [];
    for await (const part of streamBody(request, [Buffer.from('ab')], () => undefined)) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe('ab');
  });

  it('takes from the client only as much as the upstream reads', async () => {
    const request = newRequest();
    let seen = 0;
    const body = streamBody(request, [], (chunk) => {
      seen += chunk.length;
    });
    for (let i = 0; i < 100; i++) request.push(Buffer.alloc(65_536));
    body.read();
    await rest();
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThan(10 * 65_536);
    expect(request.isPaused()).toBe(true);
  });

  it('fails where the client stops', async () => {
    const request = newRequest();
    const body = streamBody(request, [], () => undefined);
    const failure = new Promise((resolve) => body.on('error', resolve));
    body.resume();
    request.push(Buffer.from('a'));
    request.destroy();
    expect(await failure).toMatchObject({ code: 'malformed_request' });
  });

  it('fails where the client had stopped before anyone read', async () => {
    const request = newRequest();
    request.destroy();
    await rest();
    const body = streamBody(request, [Buffer.from('a')], () => undefined);
    const failure = new Promise((resolve) => body.on('error', resolve));
    body.resume();
    expect(await failure).toMatchObject({ code: 'malformed_request' });
  });

  it('throws away what the client still sends when the upstream has failed', async () => {
    const request = newRequest();
    const body = streamBody(request, [], () => undefined);
    body.on('error', () => undefined);
    body.destroy(new Error('upstream'));
    await rest();
    request.push(Buffer.from('a'));
    await rest();
    expect([request.destroyed, request.readableLength]).toEqual([false, 0]);
  });
});

describe('whether there is a body', () => {
  it.each<[Record<string, string>, boolean, number | null]>([
    [{}, false, null],
    [{ 'content-length': '0' }, false, 0],
    [{ 'content-length': '7' }, true, 7],
    [{ 'transfer-encoding': 'chunked' }, true, null],
  ])('%j: %s', (headers, has, length) => {
    expect([hasBody(newRequest(headers)), contentLengthOf(newRequest(headers))]).toEqual([has, length]);
  });
});
