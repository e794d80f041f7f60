import type { ChunkSpan } from '../core/chunk-span.ts';

/** Of an event: how many steps it has, in one byte, and how many bytes of its end are the first event's, in two. */
const HEAD_BYTES = 3;
/** Of a step: how many bytes of its own follow, and how many of the first event after those; two bytes each. */
const STEP_BYTES = 4;
/** Fewer bytes that are the same are no step of their own. */
const MIN_SAME_BYTES = 8;
const MAX_STEPS = 255;
const SPARE_BYTES = 256;

/** An event's bytes within a chunk. */
export type EventBytes = Pick<ChunkSpan, 'chunk' | 'from' | 'to'>;

/**
 * Keeps the bytes of a stream's events, one after the other, so that they can be given back as they were. The events of
 * one stream are alike but for their text: what one of them shares with the first is not kept again. Each is a row of
 * steps through both at the same distance from their beginnings, and an end that both have.
 */
export class KeptEvents {
  readonly #mostBytes: number;
  #held: Buffer | null = null;
  #used = 0;
  #count = 0;
  #firstBytes = 0;
  /** How many bytes all events have together. */
  byteLength = 0;

  /** @param mostBytes that will be given in all: no more room is made ahead of need */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** How much memory they take beside the heap. */
  get heldBytes(): number {
    return this.#held?.length ?? 0;
  }

  /** Makes room for so many events, which have so many bytes together and are to be kept as they are. */
  makeRoom(events: number, bytes: number): void {
    this.#room(this.#used + bytes + events * (HEAD_BYTES + STEP_BYTES));
  }

  /** Keeps an event, of fewer than 64 KiB, as it is: most quickly. */
  add(event: EventBytes): void {
    this.#keep(event, [event.to - event.from, 0], 0);
  }

  /** Keeps an event without what it shares with the first: at the cost of a comparison byte by byte. */
  addCompared(event: EventBytes): void {
    const held = this.#held;
    if (held === null) {
      this.add(event);
      return;
    }
    const bytes = event.to - event.from;
    const end = this.#sameAtEnd(held, event, Math.min(bytes, this.#firstBytes));
    const steps = this.#stepsThrough(held, event, end);
    if (steps.length > 2 * MAX_STEPS) this.add(event);
    else this.#keep(event, steps, end);
  }

  /** All events, each after `separator`. */
  joined(separator: number): Buffer {
    const joined = Buffer.allocUnsafeSlow(this.byteLength + this.#count);
    const held = this.#held;
    let to = 0;
    for (let at = 0; held !== null && at < this.#used; ) {
      joined[to++] = separator;
      const start = to;
      const stepCount = held[at] ?? 0;
      const end = held.readUInt16LE(at + 1);
      at += HEAD_BYTES;
      for (let step = 0; step < stepCount; step++) {
        const own = held.readUInt16LE(at);
        const same = held.readUInt16LE(at + 2);
        at += STEP_BYTES;
        to += held.copy(joined, to, at, at + own);
        at += own;
        to += this.#copyFirst(held, { target: joined, to, from: to - start, bytes: same });
      }
      to += this.#copyFirst(held, { target: joined, to, from: this.#firstBytes - end, bytes: end });
    }
    return joined;
  }

  #copyFirst(held: Buffer, part: { target: Buffer; to: number; from: number; bytes: number }): number {
    const from = HEAD_BYTES + STEP_BYTES + part.from;
    return held.copy(part.target, part.to, from, from + part.bytes);
  }

  #sameAtEnd(held: Buffer, { chunk, to }: EventBytes, most: number): number {
    const firstEnd = HEAD_BYTES + STEP_BYTES + this.#firstBytes;
    let end = 0;
    while (end < most && held[firstEnd - 1 - end] === chunk[to - 1 - end]) end++;
    return end;
  }

  /** For each step how many bytes are the event's own, and how many after them the first event's. */
  #stepsThrough(held: Buffer, { chunk, from, to }: EventBytes, end: number): number[] {
    const first = HEAD_BYTES + STEP_BYTES;
    const bytes = to - from - end;
    const compared = Math.min(bytes, this.#firstBytes - end);
    const steps: number[] = [];
    let at = 0;
    let done = 0;
    while (at < compared) {
      const start = at;
      while (at < compared && held[first + at] === chunk[from + at]) at++;
      if (at - start >= MIN_SAME_BYTES) {
        steps.push(start - done, at - start);
        done = at;
      }
      at++;
    }
    if (done < bytes) steps.push(bytes - done, 0);
    return steps;
  }

  #keep({ chunk, from, to }: EventBytes, steps: readonly number[], end: number): void {
    let size = HEAD_BYTES;
    for (let i = 0; i < steps.length; i += 2) size += STEP_BYTES + (steps[i] ?? 0);
    let at = this.#used;
    const held = this.#room(at + size);
    held[at] = steps.length / 2;
    held.writeUInt16LE(end, at + 1);
    at += HEAD_BYTES;
    let read = from;
    for (let i = 0; i < steps.length; i += 2) {
      const own = steps[i] ?? 0;
      const same = steps[i + 1] ?? 0;
      held.writeUInt16LE(own, at);
      held.writeUInt16LE(same, at + 2);
      at += STEP_BYTES;
      at += chunk.copy(held, at, read, read + own);
      read += own + same;
    }
    this.#used = at;
    if (this.#count === 0) this.#firstBytes = to - from;
    this.#count += 1;
    this.byteLength += to - from;
  }

  #room(bytes: number): Buffer {
    const held = this.#held;
    if (held !== null && held.length >= bytes) return held;
    const ahead = held === null ? bytes + SPARE_BYTES : Math.floor(held.length * 1.5);
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(ahead, this.#mostBytes)));
    held?.copy(larger, 0, 0, this.#used);
    this.#held = larger;
    return larger;
  }
}
