import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeptEvents } from '../../../src/metering/kept-events.ts';

const SEPARATOR = 0x1e;

/** Keeps events that stand in one chunk, one after the other; those whose number is in `plain` as they are. */
function keptOf(events: readonly Buffer[], plain: ReadonlySet<number> = new Set()): KeptEvents {
  const kept = new KeptEvents(8192);
  const chunk = Buffer.concat(events);
  let from = 0;
  for (const [number, event] of events.entries()) {
    const span = { chunk, from, to: from + event.length };
    if (plain.has(number)) kept.add(span);
    else kept.addCompared(span);
    from += event.length;
  }
  chunk.fill(0);
  return kept;
}

const joinedOf = (events: readonly Buffer[]) =>
  Buffer.concat(events.flatMap((event) => [Buffer.from([SEPARATOR]), event]));

describe('kept events', () => {
  it('are given back byte for byte, whatever they are', () => {
    const beginning = fc.constantFrom('', '{"id":"a"', `{"id":"${'ü'.repeat(200)}"`, 'x'.repeat(400));
    const few = fc.uint8Array({ maxLength: 40, max: 3 });
    const end = fc.constantFrom('', '}]}', '"finish_reason":null}],"usage":null}');
    const event = fc.tuple(beginning, few, beginning, fc.uint8Array({ maxLength: 300 }), end);
    const plain = fc.uniqueArray(fc.nat(19));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), plain, (parts, numbers) => {
        const events = parts.map((part) => Buffer.concat(part.map((bytes) => Buffer.from(bytes))));
        const kept = keptOf(events, new Set(numbers));
        expect(kept.joined(SEPARATOR).equals(joinedOf(events))).toBe(true);
        expect(kept.byteLength).toBe(events.reduce((sum, { length }) => sum + length, 0));
      }),
    );
  });

  it('take less than a fifth of what they are, where they are the events of one stream', () => {
    const first = '{"id":"chatcmpl-BxyzABCDEFGHIJKLMNOP","object":"chat.completion.chunk","created":1763800000,';
    const more = '"model":"gpt-5-mini-2026-02-01","service_tier":"default","system_fingerprint":"fp_1234567890",';
    const events = Array.from({ length: 40 }, (_, i) =>
      Buffer.from(`${first}${more}"choices":[{"index":0,"delta":{"content":" word${i}"},"finish_reason":null}]}`),
    );
    const kept = keptOf(events);
    expect(kept.joined(SEPARATOR).equals(joinedOf(events))).toBe(true);
    expect(kept.heldBytes).toBeLessThan(kept.byteLength / 5);
  });

  it('take little more than they are, where they have nothing in common', () => {
    const events = Array.from({ length: 40 }, (_, i) => Buffer.from(`${i % 10}${'x'.repeat(200)}`));
    const kept = keptOf(events);
    expect(kept.heldBytes).toBeLessThan(kept.byteLength * 1.6);
  });
});
