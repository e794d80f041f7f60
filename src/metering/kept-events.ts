import type { ChunkSpan } from '../core/chunk-span.ts';

/** Before each event: how much of the common beginning it has, and how long the rest of it is, of two bytes. */
const HEAD_BYTES = 3;
/** As much as one byte can say. */
const MAX_SHARED_BYTES = 255;
const FIRST_BYTES = 1024;

/** An event's bytes within a chunk that is text too. */
export type EventBytes = Pick<ChunkSpan, 'chunk' | 'text' | 'from' | 'to'>;

/**
 * Keeps the bytes of a stream's events, one after the other, so that they can be given back as they were. The events of
 * one stream begin alike, with its id and model: that is kept once.
 */
export class KeptEvents {
  #held: Buffer | null = null;
  #used = 0;
  #count = 0;
  /** How the first two begin, as text of one character for each byte. */
  #beginning = '';
  /** How many bytes all events have together. */
  byteLength = 0;

  /** How much memory they take beside the heap. */
  get heldBytes(): number {
    return this.#held?.length ?? 0;
  }

  /** Keeps an event, of fewer than 64 KiB. */
  add(event: EventBytes): void {
    const { chunk, text, from, to } = event;
    if (this.#count === 1) this.#beginning = this.#sharedWithFirst(event);
    const length = this.#beginning.length;
    const shared = length <= to - from && text.startsWith(this.#beginning, from) ? length : 0;
    const rest = to - from - shared;
    const at = this.#used;
    const held = this.#room(at + HEAD_BYTES + rest);
    held[at] = shared;
    held.writeUInt16LE(rest, at + 1);
    chunk.copy(held, at + HEAD_BYTES, from + shared, to);
    this.#used = at + HEAD_BYTES + rest;
    this.#count += 1;
    this.byteLength += to - from;
  }

  /** All events, each after `separator`. */
  joined(separator: number): Buffer {
    const joined = Buffer.allocUnsafeSlow(this.byteLength + this.#count);
    const held = this.#held;
    let end = 0;
    for (let at = 0; held !== null && at < this.#used; ) {
      const rest = held.readUInt16LE(at + 1);
      joined[end++] = separator;
      end += joined.write(this.#beginning.slice(0, held[at]), end, 'latin1');
      end += held.copy(joined, end, at + HEAD_BYTES, at + HEAD_BYTES + rest);
      at += HEAD_BYTES + rest;
    }
    return joined;
  }

  #sharedWithFirst({ chunk, from, to }: EventBytes): string {
    const held = this.#held;
    if (held === null) return '';
    const most = Math.min(MAX_SHARED_BYTES, to - from, this.#used - HEAD_BYTES);
    let length = 0;
    while (length < most && held[HEAD_BYTES + length] === chunk[from + length]) length++;
    return held.toString('latin1', HEAD_BYTES, HEAD_BYTES + length);
  }

  #room(bytes: number): Buffer {
    const held = this.#held;
    if (held !== null && held.length >= bytes) return held;
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, held === null ? FIRST_BYTES : Math.floor(held.length * 1.5)));
    held?.copy(larger, 0, 0, this.#used);
    this.#held = larger;
    return larger;
  }
}
