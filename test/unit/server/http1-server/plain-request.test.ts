import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { readBody, wholeBody } from '../../../../src/server/body-reader.ts';
import { PlainRequest } from '../../../../src/server/http1-server/plain-request.ts';

const LIMIT_BYTES = 1000;

function requestOf(contentLength: number): PlainRequest {
  const headers = { 'content-length': `${contentLength}` };
  const head = { method: 'POST', url: '/', rawHeaders: [], headers, contentLength, keepsAlive: true, bytes: 0 };
  return new PlainRequest({ head, remembered: null, isAgain: false }, new Socket());
}

/** As Node gives what it has read of a socket: in memory of its own. */
function read(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.from(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

describe('the memory of what was read of a body', () => {
  it('is given back once the body has been put together, before or after it was asked for', async () => {
    for (const isAsked of [false, true]) {
      const reads = [read('HEAD first '), read('second '), read('third')];
      const [first, ...others] = reads;
      const request = requestOf(23 - 'HEAD '.length);
      const body = isAsked ? readBody(request, LIMIT_BYTES) : null;
      request.take(first?.subarray('HEAD '.length) ?? Buffer.alloc(0), true);
      for (const other of others) request.take(other, true);
      expect((body === null ? wholeBody(request, LIMIT_BYTES) : await body)?.toString()).toBe('first second third');
      expect(reads.map(({ length }) => length)).toEqual([0, 0, 0]);
    }
  });

  it('is the body where that came in one piece', async () => {
    for (const isAsked of [false, true]) {
      const request = requestOf(4);
      const body = isAsked ? readBody(request, LIMIT_BYTES) : null;
      request.take(read('body'), true);
      expect((body === null ? wholeBody(request, LIMIT_BYTES) : await body)?.toString()).toBe('body');
    }
  });

  it('stays where something else stands in it: what it was cut from, or what comes behind the body', async () => {
    const shared = read('body and more');
    const pieces: readonly [Buffer, boolean][][] = [
      [
        [read('some '), true],
        [shared.subarray(0, 4), false],
      ],
      [
        [read('some '), true],
        [shared, true],
      ],
    ];
    for (const parts of pieces) {
      const request = requestOf(9);
      const body = readBody(request, LIMIT_BYTES);
      for (const [bytes, isOwnRead] of parts) request.take(bytes, isOwnRead);
      expect((await body).toString()).toBe('some body');
      expect(shared.toString()).toBe('body and more');
    }
  });
});
