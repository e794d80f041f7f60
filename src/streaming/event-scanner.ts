import type { ChunkSpan } from '../core/chunk-span.ts';
import { PlainEvent } from './plain-event.ts';

/**
 * Splits a stream of bytes into server-sent events, without copying where an event lies whole within one network chunk.
 *
 * Follows what the official SDKs accept (wire.md 7, "SSE parsing"; https://html.spec.whatwg.org/multipage/server-sent-events.html):
 * lines end in LF, CRLF or CR, also mixed; a leading BOM, comments and unknown fields are skipped; several `data:`
 * lines are joined by LF; one space after the colon is optional. Chunks may be cut anywhere, also within a character or
 * between CR and LF.
 *
 * Work is linear in the number of bytes. An event longer than `maxEventBytes`, or of more than half a million lines, is not
 * kept: it is told of as oversized.
 */

/** An event, for the time of the visit: the next one may stand in the same object. */
export interface ScannedEvent {
  /** The event's bytes with its line ends and the blank line that closes it. */
  readonly bytes: Buffer;
  readonly byteLength: number;
  /** The event's data; null when it has no data line (a comment, for instance). */
  readonly data: Buffer | null;
  /** Where `data` begins in `bytes`; -1 when the data comes from several lines or there is none. */
  readonly dataStart: number;
  /** The value of the `event:` field. */
  readonly name: string | null;
  /** Index in the chunk being pushed at which the event begins; negative when it began in an earlier chunk. */
  readonly chunkStart: number;
  /** Index in the chunk being pushed after the event's last byte. */
  readonly chunkEnd: number;
  /** Where the data stands in the chunk, if it is one line and the event lies whole within the chunk; else null. */
  readonly line: ChunkSpan | null;
}

export interface EventVisitor {
  event(event: ScannedEvent): void;
  /**
   * May take events together, in place of `event`: whole plain ones that stand in the chunk from `at` on, one after the
   * other. Gives the index after the last, or `at`.
   */
  events?(chunk: Buffer, at: number): number;
  /** The current event has grown beyond what is kept; these are its bytes so far, the rest will pass unread. */
  oversized(kept: readonly Buffer[]): void;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const LOWER_D = 0x64;
const LOWER_E = 0x65;
/** Marks of half a million lines. Events of so many are longer than any that are judged, and no sender's. */
const MOST_LINE_MARKS = 1_100_000;
/** Below this a rest of a chunk is copied, so that it does not keep the whole network buffer alive. */
const COPY_BELOW_BYTES = 4096;
/** In less than this there are too few events to be taken together. */
const MIN_TOGETHER_BYTES = 2048;
/** Where fewer are taken together there is no second attempt in the same chunk, so that none is quadratic. */
const MIN_TOGETHER_EVENT_BYTES = 1024;
/** So much of a chunk is made text for its first event where the others may be taken together. */
const FIRST_TEXT_BYTES = 2048;

export class EventScanner {
  readonly #visitor: EventVisitor;
  readonly #maxEventBytes: number;
  readonly #plain: PlainEvent;
  /** Bytes of the event that earlier chunks began. */
  #carried: Buffer[] = [];
  #carriedBytes = 0;
  /** True while the event is longer than is kept: its bytes pass unread. */
  #oversized = false;
  /** Starts and ends of the lines seen of the current event, as offsets from the event's first byte. */
  #lines: number[] = [];
  #lineStart = 0;
  /** The last byte was a CR that ended a line: an LF that follows belongs to it. */
  #afterCr = false;
  #atStreamStart = true;
  /** Whether the visitor may be given events together in this chunk. */
  #mayTakeTogether = false;

  constructor(visitor: EventVisitor, options: { maxEventBytes: number }) {
    this.#visitor = visitor;
    this.#plain = new PlainEvent(visitor.events === undefined ? null : FIRST_TEXT_BYTES);
    this.#maxEventBytes = options.maxEventBytes;
  }

  /** Bytes of the event that has begun and not ended. */
  get pendingBytes(): number {
    return this.#carriedBytes;
  }

  /** True while an event is passing that is longer than `maxEventBytes`. */
  get inOversizedEvent(): boolean {
    return this.#oversized;
  }

  /** Takes the next bytes and visits every event that ends in them. */
  push(chunk: Buffer): void {
    // `base` is the offset of the chunk's byte 0 from the first byte of the current event.
    let base = this.#carriedBytes;
    let from = 0;
    this.#mayTakeTogether = this.#visitor.events !== undefined;
    if (this.#afterCr && chunk.length > 0) {
      this.#afterCr = false;
      if (chunk[0] === LF) {
        // The LF of a CRLF that was cut in two. If it closed the event before, it is skipped; else it moves the line.
        from = 1;
        if (base === 0) base = -1;
        this.#lineStart = base + 1;
      }
    }
    let at = from;
    if (base + at === 0 && this.#lineStart === 0) {
      at = this.#visitPlain(chunk, at);
      base = 0 - at;
    }
    if (at < chunk.length) base = this.#scan(chunk, base, at);
    this.#plain.close();
    this.#carry(chunk, base);
  }

  /** Reads line by line from `at` on. Gives the new offset of the chunk's byte 0. */
  #scan(chunk: Buffer, chunkBase: number, from: number): number {
    let base = chunkBase;
    let lf = chunk.indexOf(LF, from);
    let cr = chunk.indexOf(CR, from);
    let at = from;
    for (;;) {
      // Each is looked for again only once it has been passed, or a chunk with many of one and few of the other would
      // be searched to its end for every line.
      if (lf >= 0 && lf < at) lf = chunk.indexOf(LF, at);
      if (cr >= 0 && cr < at) cr = chunk.indexOf(CR, at);
      const end = lf < 0 || (cr >= 0 && cr < lf) ? cr : lf;
      if (end < 0) return base;
      let next = end + 1;
      if (chunk[end] === CR) {
        if (next === chunk.length) this.#afterCr = true;
        else if (chunk[next] === LF) next++;
      }
      const lineStart = this.#lineStart;
      if (lineStart === base + end) {
        this.#closeEvent(chunk, base, next);
        at = this.#visitPlain(chunk, next);
        base = 0 - at;
      } else {
        if (!this.#oversized) this.#lines.push(lineStart, base + end);
        this.#lineStart = base + next;
        at = next;
      }
    }
  }

  /**
   * Visits the plain events (`PlainEvent`) that stand at `at` and after one another: by far most are such, and there is
   * nothing to put together. Gives the index after the last.
   */
  #visitPlain(chunk: Buffer, from: number): number {
    const plain = this.#plain;
    let at = from;
    while ((chunk[at] === LOWER_D || chunk[at] === LOWER_E) && plain.moveTo(chunk, at)) {
      this.#atStreamStart = false;
      this.#visitor.event(plain);
      at = this.#takeTogether(chunk, plain.chunkEnd);
    }
    return at;
  }

  /** Gives the index after the events that the visitor takes together; they come behind one that it has seen. */
  #takeTogether(chunk: Buffer, at: number): number {
    if (!this.#mayTakeTogether || chunk[at] !== LOWER_D || chunk.length - at < MIN_TOGETHER_BYTES) return at;
    const next = this.#visitor.events?.(chunk, at) ?? at;
    this.#mayTakeTogether = next - at >= MIN_TOGETHER_EVENT_BYTES;
    return next;
  }

  /**
   * The stream is over. An event whose closing blank line is missing counts all the same, as openai-node has it
   * (wire.md 9: "a stream's last line without the blank line").
   */
  end(): void {
    if (this.#carriedBytes > 0 && !this.#oversized) {
      const bytes = this.#takeCarried(Buffer.alloc(0));
      if (this.#lineStart < bytes.length) this.#lines.push(this.#lineStart, bytes.length);
      if (this.#lines.length > 0) this.#tell(bytes, 0, 0);
    }
    this.#reset();
  }

  /** The event is over, and the next begins at `next`. */
  #closeEvent(chunk: Buffer, base: number, next: number): void {
    if (!this.#oversized) {
      const chunkStart = 0 - base;
      const bytes =
        this.#carriedBytes > 0 ? this.#takeCarried(chunk.subarray(0, next)) : chunk.subarray(chunkStart, next);
      this.#tell(bytes, chunkStart, next);
    }
    this.#reset();
  }

  #tell(bytes: Buffer, chunkStart: number, chunkEnd: number): void {
    const fields = readFields(bytes, this.#lines, this.#atStreamStart);
    this.#visitor.event({ bytes, byteLength: bytes.length, chunkStart, chunkEnd, line: null, ...fields });
  }

  #carry(chunk: Buffer, base: number): void {
    const start = base < 0 ? -base : 0;
    if (start >= chunk.length) return;
    const rest = chunk.subarray(start);
    this.#carriedBytes += rest.length;
    if (this.#oversized) return;
    this.#carried.push(rest.length < COPY_BELOW_BYTES ? Buffer.from(rest) : rest);
    if (this.#carriedBytes > this.#maxEventBytes || this.#lines.length > MOST_LINE_MARKS) {
      this.#oversized = true;
      this.#visitor.oversized(this.#carried);
      this.#carried = [];
      this.#lines = [];
    }
  }

  #takeCarried(last: Buffer): Buffer {
    const first = this.#carried[0];
    const bytes =
      this.#carried.length === 1 && last.length === 0 && first ? first : Buffer.concat([...this.#carried, last]);
    this.#carried = [];
    this.#carriedBytes = 0;
    return bytes;
  }

  #reset(): void {
    this.#carried = [];
    this.#carriedBytes = 0;
    this.#oversized = false;
    this.#lineStart = 0;
    this.#atStreamStart = false;
    if (this.#lines.length > 0) this.#lines = [];
  }
}

interface EventFields {
  readonly data: Buffer | null;
  readonly dataStart: number;
  readonly name: string | null;
}

function readFields(bytes: Buffer, lines: readonly number[], atStreamStart: boolean): EventFields {
  let data: Buffer | null = null;
  let dataStart = -1;
  let parts: Buffer[] | null = null;
  let name: string | null = null;
  for (let i = 0; i < lines.length; i += 2) {
    let start = lines[i] ?? 0;
    const end = lines[i + 1] ?? 0;
    if (i === 0 && atStreamStart && startsWithBom(bytes, start)) start += 3;
    const valueStart = dataValueStart(bytes, start, end);
    if (valueStart >= 0) {
      const value = bytes.subarray(valueStart, end);
      if (data === null) {
        data = value;
        dataStart = valueStart;
      } else {
        parts ??= [data];
        parts.push(NEWLINE, value);
      }
    } else if (isEventField(bytes, start, end)) {
      const nameStart = bytes[start + 6] === SPACE ? start + 7 : start + 6;
      name = bytes.toString('utf8', nameStart, end);
    }
  }
  if (parts !== null) return { data: Buffer.concat(parts), dataStart: -1, name };
  return { data, dataStart, name };
}

const NEWLINE = Buffer.from('\n');

function startsWithBom(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf;
}

/** Index of the value of a `data:` line, -1 for any other line. `data` without a colon is an empty value. */
function dataValueStart(bytes: Buffer, start: number, end: number): number {
  if (bytes[start] !== 0x64 || bytes[start + 1] !== 0x61 || bytes[start + 2] !== 0x74 || bytes[start + 3] !== 0x61) {
    return -1;
  }
  if (end - start === 4) return end;
  if (end - start < 5 || bytes[start + 4] !== COLON) return -1;
  return end - start > 5 && bytes[start + 5] === SPACE ? start + 6 : start + 5;
}

function isEventField(bytes: Buffer, start: number, end: number): boolean {
  return end - start >= 6 && bytes[start] === 0x65 && bytes.toString('latin1', start, start + 6) === 'event:';
}
