import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeptEvents } from '../../../src/metering/kept-events.ts';

const SEPARATOR = 0x1e;

/** Keeps events that stand in one chunk, one after the other. */
function keptOf(events: readonly Buffer[]): KeptEvents {
  const kept = new KeptEvents();
  const chunk = Buffer.concat(events);
  const text = chunk.toString('latin1');
  let from = 0;
  for (const event of events) {
    kept.add({ chunk, text, from, to: from + event.length });
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
    const event = fc.tuple(beginning, fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (parts) => {
        const events = parts.map(([first, rest]) => Buffer.concat([Buffer.from(first), rest]));
        const kept = keptOf(events);
        expect(kept.joined(SEPARATOR).equals(joinedOf(events))).toBe(true);
        expect(kept.byteLength).toBe(events.reduce((sum, { length }) => sum + length, 0));
      }),
    );
  });

  it('take less than half of what they are, where they are the events of one stream', () => {
    const first = '{"id":"chatcmpl-BxyzABCDEFGHIJKLMNOP","object":"chat.completion.chunk","created":1763800000,';
    const more = '"model":"gpt-5-mini-2026-02-01","service_tier":"default","system_fingerprint":"fp_1234567890",';
    const events = Array.from({ length: 40 }, (_, i) =>
      Buffer.from(`${first}${more}"choices":[{"index":0,"delta":{"content":" word${i}"},"finish_reason":null}]}`),
    );
    const kept = keptOf(events);
    expect(kept.joined(SEPARATOR).equals(joinedOf(events))).toBe(true);
    expect(kept.heldBytes).toBeLessThan(kept.byteLength / 2);
  });

  it('take little more than they are, where they have nothing in common', () => {
    const events = Array.from({ length: 40 }, (_, i) => Buffer.from(`${i % 10}${'x'.repeat(200)}`));
    const kept = keptOf(events);
    expect(kept.heldBytes).toBeLessThan(kept.byteLength * 1.6);
  });
});
