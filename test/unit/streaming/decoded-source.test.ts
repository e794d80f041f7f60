import { describe, expect, it } from 'vitest';
import { decodedSource } from '../../../src/streaming/decoded-source.ts';
import type { AnswerSource } from '../../../src/streaming/relay.ts';
import { ENCODERS, encode } from '../../support/content-codings.ts';
import { FakeSource } from './fake-source.ts';
import { byteByByte } from './scanned.ts';

const STREAM = Buffer.from('data: a\n\ndata: [DONE]\n\n');
const MIB = 1024 * 1024;

/** Reads a source to its end; gives the failure where there is one. */
function readAll(source: AnswerSource): Promise<{ bytes: Buffer; failure: Error | null }> {
  const parts: Buffer[] = [];
  return new Promise((resolve) => {
    source.attach({
      data: (chunk) => parts.push(chunk),
      end: () => resolve({ bytes: Buffer.concat(parts), failure: null }),
      failed: (failure) => resolve({ bytes: Buffer.concat(parts), failure }),
    });
  });
}

describe.each(Object.keys(ENCODERS))('an answer with %s', (coding) => {
  it('is decoded on its way', async () => {
    const source = new FakeSource();
    const read = readAll(decodedSource(source, [coding], MIB));
    for (const byte of byteByByte(encode(STREAM, [coding]))) source.send(byte);
    source.end();
    expect(await read).toEqual({ bytes: STREAM, failure: null });
  });

  it('fails where it ends too early', async () => {
    const source = new FakeSource();
    const read = readAll(decodedSource(source, [coding], MIB));
    source.send(encode(STREAM, [coding]).subarray(0, -7));
    source.end();
    expect((await read).failure).toMatchObject({ reason: 'corrupt' });
  });

  it('fails at once where it is corrupt, and the upstream is aborted', async () => {
    const source = new FakeSource();
    const read = readAll(decodedSource(source, [coding], MIB));
    source.send('data: not compressed at all\n\n');
    source.send('data: not compressed at all\n\n');
    expect((await read).failure).toMatchObject({ reason: 'corrupt' });
    expect(source.abortedWith).toMatchObject({ reason: 'corrupt' });
  });
});

describe('an answer that the upstream cuts', () => {
  it('fails with what the upstream failed with, after what it has sent', async () => {
    const source = new FakeSource();
    const read = readAll(decodedSource(source, ['gzip'], MIB));
    source.send(encode(STREAM, ['gzip']).subarray(0, -4));
    const cut = new Error('other side closed');
    source.fail(cut);
    expect(await read).toEqual({ bytes: STREAM, failure: cut });
  });

  it('fails also where the client takes nothing', async () => {
    const source = new FakeSource();
    const decoded = decodedSource(source, ['gzip'], MIB);
    const read = readAll(decoded);
    decoded.pause();
    source.send(encode(STREAM, ['gzip']));
    const reason = new Error('the client left');
    decoded.abort(reason);
    expect((await read).failure).toBe(reason);
    expect(source.abortedWith).toBe(reason);
  });
});

it('pauses and resumes the upstream, and itself', async () => {
  const source = new FakeSource();
  const decoded = decodedSource(source, ['gzip'], 64 * MIB);
  let bytes = 0;
  const first = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  decoded.attach({
    data: (chunk) => {
      bytes += chunk.length;
      if (bytes === chunk.length) decoded.pause();
      first.resolve();
    },
    end: () => end.resolve(),
    failed: (error) => end.reject(error),
  });
  source.send(encode(Buffer.alloc(8 * MIB), ['gzip']));
  source.end();
  await first.promise;
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(bytes).toBeLessThan(MIB);
  expect(source.moves).toEqual(['pause']);
  decoded.resume();
  await end.promise;
  expect(bytes).toBe(8 * MIB);
  expect(source.moves).toEqual(['pause', 'resume']);
});
