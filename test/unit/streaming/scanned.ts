import fc from 'fast-check';
import { expect } from 'vitest';
import { EventScanner, type ScannedEvent } from '../../../src/streaming/event-scanner.ts';

/** What a scanner said of a stream, with copies of the bytes. */
export interface Scanned {
  readonly events: { readonly data: string | null; readonly name: string | null; readonly bytes: Buffer }[];
  /** The sums of bytes that oversized events had when they were told of. */
  readonly oversizedAt: number[];
  /** Events and what lay between them, in order. */
  readonly pieces: Buffer[];
}

const LARGE = 1024 * 1024;

/** Pushes the chunks, then ends. */
export function scan(chunks: readonly Buffer[], maxEventBytes = LARGE): Scanned {
  const scanned: Scanned = { events: [], oversizedAt: [], pieces: [] };
  const stream = Buffer.concat(chunks);
  let chunkOffset = 0;
  let seen = 0;
  const take = (event: ScannedEvent) => {
    // Where the event lies in the whole stream; at the end of the stream it is counted from there backwards.
    const end = chunkOffset + event.chunkEnd;
    const start = end - event.bytes.length;
    if (start > seen) scanned.pieces.push(stream.subarray(seen, start));
    scanned.pieces.push(Buffer.from(event.bytes));
    seen = end;
    const data = event.data === null ? null : event.data.toString('latin1');
    expectSameData(event.line, data);
    scanned.events.push({ data, name: event.name, bytes: Buffer.from(event.bytes) });
  };
  const oversized = (kept: readonly Buffer[]) => scanned.oversizedAt.push(Buffer.concat(kept).length);
  const scanner = new EventScanner({ event: take, oversized }, { maxEventBytes });
  for (const chunk of chunks) {
    scanner.push(Buffer.from(chunk));
    chunkOffset += chunk.length;
  }
  scanner.end();
  if (seen < stream.length) scanned.pieces.push(stream.subarray(seen));
  return scanned;
}

/** Where an event's data is one line within a chunk, bytes and text must both be the data. */
function expectSameData(line: ScannedEvent['line'], data: string | null): void {
  if (line === null) return;
  expect(line.text.slice(line.from, line.to)).toBe(data);
  expect(line.chunk.toString('latin1', line.from, line.to)).toBe(data);
}

/** Data and name of each event: what must not depend on how the stream was cut. */
export function meaning({ events }: Scanned): { data: string | null; name: string | null }[] {
  return events.map(({ data, name }) => ({ data, name }));
}

export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places)].filter((place) => place > 0 && place < bytes.length).sort((a, b) => a - b);
  return [0, ...sorted].map((place, i) => bytes.subarray(place, sorted[i] ?? bytes.length));
}

export function byteByByte(bytes: Buffer): Buffer[] {
  return cutAt(bytes, [...bytes.keys()]);
}

/** Every way to cut in two, and byte by byte. */
export function everyCut(bytes: Buffer): Buffer[][] {
  return [byteByByte(bytes), ...[...bytes.keys()].map((place) => cutAt(bytes, [place]))];
}

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('[DONE]', '{"a":1}', '\u0000', 'é', '👋', '\ufeff'),
);
const line = fc.tuple(fc.constantFrom('data: ', 'data:', 'data', 'event: ', 'event:', ': ', 'id: ', 'x', ''), text);

/** Streams as they may come: lines of every kind and ending, blank ones too, with or without an end. */
export const anyStream: fc.Arbitrary<Buffer> = fc
  .tuple(fc.constantFrom('', '\ufeff'), fc.array(fc.tuple(line, lineEnd), { maxLength: 14 }), text)
  .map(([start, lines, rest]) => {
    const body = lines.map(([[field, value], end]) => `${field}${value.replace(/[\r\n]/g, ' ')}${end}`).join('');
    return Buffer.from(start + body + rest);
  });

/** A stream of any bytes, most of them such that matter. */
export const anyBytes: fc.Arbitrary<Buffer> = fc
  .array(fc.constantFrom(0x0a, 0x0d, 0x0a, 0x0d, 0x64, 0x61, 0x74, 0x61, 0x3a, 0x20, 0x00, 0xc3, 0xff, 0x7b), {
    maxLength: 60,
  })
  .map((bytes) => Buffer.from(bytes));

export const places = fc.array(fc.nat(200), { maxLength: 12 });
