import type { ChunkSpan } from '../core/chunk-span.ts';

const LF = 0x0a;
const LOWER_E = 0x65;
const DATA = 'data: ';
const EVENT = 'event: ';
const NO_BYTES = Buffer.alloc(0);
/** Beyond every chunk. */
const NOWHERE = 0x3fff_ffff;

/**
 * A plain event: `data: …` and a blank line, perhaps after a line `event: …`, with LF for line ends, whole within one
 * chunk. One object stands for all of them, one after the other, and tells their parts when asked for.
 */
export class PlainEvent implements ChunkSpan {
  readonly #firstTextBytes: number;
  /** The chunk that is read. */
  #whole: Buffer = NO_BYTES;
  /** Where in it what was made text begins, which is all of `chunk`. */
  #textAt = 0;
  chunk: Buffer = NO_BYTES;
  text = '';
  chunkNumber = 0;
  from = 0;
  to = 0;
  name: string | null = null;
  chunkStart = 0;
  chunkEnd = 0;
  /** Index of a CR at or after the event's start; there is none between. */
  #nextCr = NOWHERE;
  /** The name seen last, for most events have the same; only if it has a character for each byte. */
  #knownName = '';

  /** @param firstTextBytes how much of a chunk is made text first, and all of it if that is not enough; null for all */
  constructor(firstTextBytes: number | null) {
    this.#firstTextBytes = firstTextBytes ?? NOWHERE;
  }

  /** Takes the place of the event that begins at `at`; false, and of no event, if it is no plain one. */
  moveTo(chunk: Buffer, at: number): boolean {
    if (chunk !== this.#whole) {
      this.#whole = chunk;
      this.#open(at, Math.min(chunk.length, at + this.#firstTextBytes));
    }
    if (this.#readAt(at - this.#textAt)) return true;
    const textEnd = this.#textAt + this.chunk.length;
    if (textEnd === chunk.length) return false;
    this.#open(at, chunk.length);
    return this.#readAt(0);
  }

  /** @param at index in the text; beyond it if there is nothing left to read */
  #readAt(at: number): boolean {
    const named = this.chunk[at] === LOWER_E;
    const nameEnd = named ? this.#nameEnd(at) : at - 1;
    if (nameEnd < 0 && named) return false;
    const from = nameEnd + 1 + DATA.length;
    if (!this.text.startsWith(DATA, nameEnd + 1)) return false;
    const to = this.text.indexOf('\n', from);
    if (to < 0 || this.text.charCodeAt(to + 1) !== LF || this.#holdsCr(at, to)) return false;
    this.name = named ? this.#nameAt(at + EVENT.length, nameEnd) : null;
    this.from = from;
    this.to = to;
    this.chunkStart = this.#textAt + at;
    this.chunkEnd = this.#textAt + to + 2;
    return true;
  }

  /** Lets go of the chunk. */
  close(): void {
    this.#whole = NO_BYTES;
    this.chunk = NO_BYTES;
    this.text = '';
  }

  get bytes(): Buffer {
    return this.#whole.subarray(this.chunkStart, this.chunkEnd);
  }

  get byteLength(): number {
    return this.chunkEnd - this.chunkStart;
  }

  get data(): Buffer {
    return this.chunk.subarray(this.from, this.to);
  }

  get dataStart(): number {
    return this.#textAt + this.from - this.chunkStart;
  }

  get line(): ChunkSpan {
    return this;
  }

  #open(at: number, end: number): void {
    const whole = this.#whole;
    this.#textAt = at;
    this.chunk = at === 0 && end === whole.length ? whole : whole.subarray(at, end);
    this.text = this.chunk.toString('latin1', 0, end - at);
    this.chunkNumber++;
    this.#nextCr = -1;
  }

  /** Index of the LF after the line `event: …` at `at`; -1 where there is none. */
  #nameEnd(at: number): number {
    return this.text.startsWith(EVENT, at) ? this.text.indexOf('\n', at + EVENT.length) : -1;
  }

  #nameAt(start: number, end: number): string {
    const known = this.#knownName;
    if (known.length === end - start && this.text.startsWith(known, start)) return known;
    const name = this.chunk.toString('utf8', start, end);
    if (name.length === end - start) this.#knownName = name;
    return name;
  }

  #holdsCr(start: number, end: number): boolean {
    if (this.#nextCr < start) {
      const next = this.text.indexOf('\r', start);
      this.#nextCr = next < 0 ? NOWHERE : next;
    }
    return this.#nextCr < end;
  }
}
