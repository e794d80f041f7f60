import type { ChunkSpan } from '../core/chunk-span.ts';
import type { ObserveEvent, PassEvents } from './event-passage.ts';
import { EventScanner, type EventVisitor, type ScannedEvent } from './event-scanner.ts';
import type { Passage } from './passage.ts';

/** What is to be hidden of an event: nothing, all of it, or the bytes `from` to `to` of its data. */
export type HidingVerdict =
  | { readonly kind: 'keep' }
  | { readonly kind: 'withhold' }
  | { readonly kind: 'cut'; readonly from: number; readonly to: number };

/** Says what of each event is to be hidden. */
export interface EventJudge {
  judge(data: Buffer): HidingVerdict;
  /**
   * The same at a glance, for data that is one line within a chunk; null where that does not suffice. The verdict holds
   * until the next.
   */
  glance(line: ChunkSpan): HidingVerdict | null;
}

/** Only small events are ever hidden, so a longer one need not be waited for: it passes as it comes. */
const MAX_JUDGED_EVENT_BYTES = 1024 * 1024;

const CR = 0x0d;
const LF = 0x0a;
const NO_BYTES = Buffer.alloc(0);

/**
 * A stream of events from which some are taken out: those that are there only because Metertap asked for usage on
 * behalf of a client that did not (design.md, promise 1). Events go out when they are whole; every byte that is not
 * hidden is the upstream's own.
 */
export class FilteredEventPassage implements Passage {
  readonly #scanner: EventScanner;
  readonly #observe: ObserveEvent;
  readonly #judge: EventJudge;
  #complete = false;
  #released = false;
  #held: Buffer[] = [];
  /** Bytes that go out before those of the current chunk. */
  #before: Buffer[] = [];
  #chunk: Buffer = NO_BYTES;
  /** The current chunk is compacted in place: its first `#written` bytes go out, those up to `#decided` are done. */
  #written = 0;
  #decided = 0;
  /** Bytes of the current chunk that are to be kept, but have not been moved yet: most often several events' together. */
  #keptFrom = 0;
  #keptTo = 0;
  /** The last chunk ended in the CR of a withheld event: an LF that follows is the rest of it. */
  #endedInWithheldCr = false;

  /** @param passEvents passes events in place of `observe` and `judge` */
  constructor(observe: ObserveEvent, judge: EventJudge, passEvents: PassEvents | null = null) {
    this.#observe = observe;
    this.#judge = judge;
    const visitor: EventVisitor = {
      event: (event) => this.#take(event),
      oversized: (kept) => this.#passOversized(kept),
    };
    if (passEvents !== null) visitor.events = (chunk, at) => this.#takeTogether(passEvents, chunk, at);
    this.#scanner = new EventScanner(visitor, { maxEventBytes: MAX_JUDGED_EVENT_BYTES });
  }

  get complete(): boolean {
    return this.#complete;
  }

  push(chunk: Buffer): Buffer | null {
    if (this.#released) return chunk;
    if (this.#complete) {
      this.#held.push(chunk);
      return null;
    }
    if (chunk.length === 0) return null;
    this.#chunk = chunk;
    this.#written = 0;
    this.#decided = this.#endedInWithheldCr && chunk[0] === LF ? 1 : 0;
    this.#endedInWithheldCr = false;
    this.#scanner.push(chunk);
    if (this.#complete) this.#held.push(chunk.subarray(this.#decided));
    else this.#keepBetweenEvents(this.#scanner.inOversizedEvent ? chunk.length : this.#pendingStart());
    return this.#takeOutput();
  }

  end(): void {
    if (this.#complete) return;
    this.#chunk = NO_BYTES;
    this.#written = 0;
    this.#decided = 0;
    this.#scanner.end();
    const output = this.#takeOutput();
    if (output !== null) this.#held.unshift(output);
  }

  release(): Buffer[] {
    this.#released = true;
    return this.#held.splice(0);
  }

  #take(event: ScannedEvent): void {
    if (this.#complete) return;
    const terminal = this.#observe(event) === 'terminal';
    this.#keepBetweenEvents(Math.max(0, event.chunkStart));
    if (terminal) {
      this.#complete = true;
      this.#held.push(Buffer.from(event.bytes));
    } else {
      this.#apply(this.#verdictOn(event), event);
    }
    this.#decided = event.chunkEnd;
  }

  /** Takes the events at `at` that are passed together. Gives the index after the last. */
  #takeTogether(passEvents: PassEvents, chunk: Buffer, at: number): number {
    const passed = this.#complete ? null : passEvents(chunk, at);
    if (passed === null) return at;
    const { end, kept } = passed;
    if (kept === null) this.#compact(at, end);
    else this.#put(kept, end);
    this.#decided = end;
    return end;
  }

  /** Puts bytes in the place of those up to `end`, which are not fewer. */
  #put(bytes: Buffer, end: number): void {
    this.#moveKept();
    bytes.copy(this.#chunk, this.#written);
    this.#written += bytes.length;
    this.#keptFrom = end;
    this.#keptTo = end;
  }

  /** By its length alone an event is judged or not, wherever the network has cut it. */
  #verdictOn(event: ScannedEvent): HidingVerdict {
    if (event.byteLength > MAX_JUDGED_EVENT_BYTES) return KEEP;
    const atAGlance = event.line === null ? null : this.#judge.glance(event.line);
    if (atAGlance !== null) return atAGlance;
    const { data } = event;
    return data === null ? KEEP : this.#judge.judge(data);
  }

  #apply(verdict: HidingVerdict, event: ScannedEvent): void {
    if (verdict.kind === 'withhold') {
      const isLast = event.chunkEnd === this.#chunk.length;
      this.#endedInWithheldCr = isLast && event.bytes[event.bytes.length - 1] === CR;
      return;
    }
    if (verdict.kind === 'keep' || event.dataStart < 0) {
      if (isWithinChunk(event)) this.#compact(event.chunkStart, event.chunkEnd);
      else this.#before.push(event.bytes);
      return;
    }
    const from = event.dataStart + verdict.from;
    const to = event.dataStart + verdict.to;
    if (isWithinChunk(event)) {
      this.#compact(event.chunkStart, event.chunkStart + from);
      this.#compact(event.chunkStart + to, event.chunkEnd);
    } else {
      // What came in parts has been put together in memory of its own: a long event is not copied once more.
      const { bytes } = event;
      bytes.copyWithin(from, to);
      this.#before.push(bytes.subarray(0, bytes.length - (to - from)));
    }
  }

  /** Bytes that belong to no judged event: the LF of a CRLF that was cut in two, or the rest of an oversized event. */
  #keepBetweenEvents(until: number): void {
    if (until <= this.#decided) return;
    this.#compact(this.#decided, until);
    this.#decided = until;
  }

  #passOversized(kept: readonly Buffer[]): void {
    if (this.#complete) return;
    const last = kept.length - 1;
    // The last part is the current chunk's rest, which `push` lets through itself.
    for (let i = 0; i < last; i++) this.#before.push(kept[i] ?? Buffer.alloc(0));
  }

  #pendingStart(): number {
    return Math.max(0, this.#chunk.length - this.#scanner.pendingBytes);
  }

  #compact(from: number, to: number): void {
    if (from === this.#keptTo) {
      this.#keptTo = to;
      return;
    }
    this.#moveKept();
    this.#keptFrom = from;
    this.#keptTo = to;
  }

  #moveKept(): void {
    if (this.#written !== this.#keptFrom) this.#chunk.copyWithin(this.#written, this.#keptFrom, this.#keptTo);
    this.#written += this.#keptTo - this.#keptFrom;
    this.#keptFrom = this.#keptTo;
  }

  #takeOutput(): Buffer | null {
    this.#moveKept();
    this.#keptFrom = 0;
    this.#keptTo = 0;
    const own = this.#written === 0 ? null : this.#chunk.subarray(0, this.#written);
    this.#chunk = NO_BYTES;
    if (this.#before.length === 0) return own;
    const parts = own === null ? this.#before : [...this.#before, own];
    this.#before = [];
    return parts.length === 1 ? (parts[0] ?? null) : Buffer.concat(parts);
  }
}

const KEEP: HidingVerdict = { kind: 'keep' };

function isWithinChunk({ chunkStart, chunkEnd }: ScannedEvent): boolean {
  return chunkStart >= 0 && chunkEnd > 0;
}
