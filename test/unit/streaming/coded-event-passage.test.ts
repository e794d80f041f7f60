import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CodedEventPassage } from '../../../src/streaming/coded-event-passage.ts';
import { EventPassage } from '../../../src/streaming/event-passage.ts';
import { ENCODERS, encode } from '../../support/content-codings.ts';
import { pass } from './passed.ts';
import { byteByByte } from './scanned.ts';

const STREAM = Buffer.from('data: a\r\n\r\nevent: x\r\ndata: b\r\n\r\ndata: [DONE]\r\n\r\n');

function observed(codings: readonly string[], expectedBytes: number | null, maxDecodedBytes = 1024) {
  const seen: string[] = [];
  const passage = new CodedEventPassage({
    observe: (event) => {
      seen.push(`${event.name}:${event.data}`);
      return String(event.data) === '[DONE]' ? 'terminal' : 'more';
    },
    codings,
    expectedBytes,
    maxDecodedBytes,
  });
  return { passage, seen };
}

describe.each(Object.keys(ENCODERS))('a stream of events with %s', (coding) => {
  const coded = encode(STREAM, [coding]);

  it('passes as it is and is read beside', async () => {
    for (const chunks of [[coded], byteByByte(coded)]) {
      const { passage, seen } = observed([coding], null);
      const { before, held } = await pass(passage, chunks);
      expect([before.equals(coded), held.length]).toEqual([true, 0]);
      expect(seen).toEqual(['null:a', 'x:b', 'null:[DONE]']);
    }
  });

  it('keeps its last chunk where its length is known', async () => {
    const { passage } = observed([coding], coded.length);
    const { before, held, all } = await pass(passage, byteByByte(coded));
    expect(all.equals(coded)).toBe(true);
    expect([before.length, held.length]).toEqual([coded.length - 1, 1]);
  });
});

it('passes what does not decode as it is', async () => {
  const { passage, seen } = observed(['gzip'], null);
  const { before } = await pass(passage, [Buffer.from('data: a\n\n'), Buffer.from('data: b\n\n')]);
  expect(before.toString()).toBe('data: a\n\ndata: b\n\n');
  expect(seen).toEqual([]);
});

it('passes what decodes to more than is read, and reads up to there', async () => {
  const coded = encode(Buffer.concat([STREAM, Buffer.alloc(4096)]), ['gzip']);
  const { passage } = observed(['gzip'], null);
  const { before } = await pass(passage, [coded]);
  expect(before.equals(coded)).toBe(true);
});

it('keeps nothing of what decodes behind the end of the stream', async () => {
  const coded = encode(Buffer.concat([STREAM, Buffer.alloc(1024 * 1024)]), ['gzip']);
  const { passage, seen } = observed(['gzip'], null, 2 * 1024 * 1024);
  const push = vi.spyOn(EventPassage.prototype, 'push');
  onTestFinished(() => push.mockRestore());
  await pass(passage, [coded]);
  expect(seen.at(-1)).toBe('null:[DONE]');
  expect(push).toHaveBeenCalledTimes(1);
});
