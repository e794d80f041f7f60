import { describe, expect, it } from 'vitest';
import { BodyDecoder, canDecode, codingsOf, DecodingError, decodeBody } from '../../../src/streaming/body-decoder.ts';
import { ENCODERS, encode } from '../../support/content-codings.ts';
import { byteByByte } from './scanned.ts';

const TEXT = Buffer.from('{"model":"gpt-5-mini","messages":[{"role":"user","content":"Grüße 👋"}]}');
const MIB = 1024 * 1024;

describe('the codings of a header', () => {
  it.each<[string | undefined, string[]]>([
    [undefined, []],
    ['', []],
    ['identity', []],
    ['gzip', ['gzip']],
    [' GZip ', ['gzip']],
    ['br, identity,,zstd', ['br', 'zstd']],
  ])('%s', (header, codings) => {
    expect(codingsOf(header)).toEqual(codings);
  });

  it('can be undone where all are known', () => {
    expect(canDecode([])).toBe(true);
    expect(canDecode(['gzip', 'br'])).toBe(true);
    expect(canDecode(['gzip', 'compress'])).toBe(false);
    expect(canDecode(['constructor'])).toBe(false);
  });
});

const SINGLE = Object.keys(ENCODERS).map((coding) => [coding]);

describe.each([...SINGLE, ['gzip', 'br'], ['zstd', 'deflate', 'gzip']])('a body with %s', (...codings) => {
  const coded = encode(TEXT, codings);

  it('is decoded whole', async () => {
    expect((await decodeBody(coded, codings, MIB)).equals(TEXT)).toBe(true);
  });

  it('is decoded byte by byte', async () => {
    const parts: Buffer[] = [];
    const decoder = new BodyDecoder(codings, { maxDecodedBytes: MIB, onData: (chunk) => parts.push(chunk) });
    for (const chunk of byteByByte(coded)) decoder.push(chunk);
    await decoder.end();
    expect(Buffer.concat(parts).equals(TEXT)).toBe(true);
  });

  it('is told to be corrupt where it is cut short', async () => {
    await expect(decodeBody(coded.subarray(0, coded.length - 6), codings, MIB)).rejects.toMatchObject({
      name: 'DecodingError',
      reason: 'corrupt',
    });
  });

  it('is told to be corrupt where it is something else', async () => {
    const other = Buffer.from('{"model":"gpt-5-mini"}');
    await expect(decodeBody(other, codings, MIB)).rejects.toMatchObject({ reason: 'corrupt' });
  });

  it('is refused as soon as it decodes to more than it may', async () => {
    const bomb = encode(Buffer.alloc(16 * MIB), codings);
    let told = 0;
    const decoder = new BodyDecoder(codings, {
      maxDecodedBytes: MIB,
      onData: (chunk) => {
        told += chunk.length;
      },
    });
    decoder.push(bomb);
    await expect(decoder.done).rejects.toMatchObject({ reason: 'too_large' });
    expect(told).toBeLessThanOrEqual(MIB);
  });

  it('may be as long as it may', async () => {
    const exact = Buffer.alloc(MIB);
    expect(await decodeBody(encode(exact, codings), codings, MIB)).toHaveLength(MIB);
  });
});

describe('a decoder', () => {
  it('is not made for a coding that nobody knows', async () => {
    const make = () => new BodyDecoder(['compress'], { maxDecodedBytes: 1, onData: () => undefined });
    expect(make).toThrow(DecodingError);
    await expect(decodeBody(TEXT, ['gzip', 'hasOwnProperty'], MIB)).rejects.toMatchObject({ reason: 'unknown_coding' });
  });

  it('gives a body without codings as it is', async () => {
    expect(await decodeBody(TEXT, [], 1)).toBe(TEXT);
  });

  it('tells that bytes are corrupt without waiting for the end', async () => {
    const decoder = new BodyDecoder(['gzip'], { maxDecodedBytes: MIB, onData: () => undefined });
    decoder.push(Buffer.from('no gzip at all'));
    await expect(decoder.done).rejects.toMatchObject({ reason: 'corrupt' });
    decoder.push(Buffer.from('more'));
    await expect(decoder.end()).rejects.toMatchObject({ reason: 'corrupt' });
  });

  it('tells nothing while it is paused, and decodes little', async () => {
    let told = 0;
    const first = Promise.withResolvers<void>();
    const decoder = new BodyDecoder(['gzip'], {
      maxDecodedBytes: 64 * MIB,
      onData: (chunk) => {
        told += chunk.length;
        if (told === chunk.length) decoder.pause();
        first.resolve();
      },
    });
    decoder.push(encode(Buffer.alloc(8 * MIB), ['gzip']));
    const end = decoder.end();
    await first.promise;
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(told).toBeLessThan(MIB);
    decoder.resume();
    await end;
    expect(told).toBe(8 * MIB);
  });

  it('tells nothing more once it has been given up', async () => {
    let told = 0;
    const decoder = new BodyDecoder(['gzip'], { maxDecodedBytes: MIB, onData: () => told++ });
    decoder.push(encode(TEXT, ['gzip']));
    decoder.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toBe(0);
  });
});
