import type { LedgerError } from './ledger-error.ts';
import { SealedLines } from './sealed-lines.ts';
import type { SegmentFile } from './segment-file.ts';
import { toLedgerError } from './sqlite-error.ts';

export interface SegmentWriterOptions {
  /** Makes the next segment; `number` begins at 0. */
  readonly openSegment: (number: number) => Promise<SegmentFile>;
  readonly synchronous: 'normal' | 'full';
  /** From this length on the next segment is begun. */
  readonly segmentBytes: number;
  /** So many of the oldest rows are durable now. */
  readonly onWritten: (rows: number) => void;
  /** A write has failed; it is tried again by itself. */
  readonly onFault: (error: LedgerError) => void;
}

/** A slow disk makes groups larger; beyond this the next one begins. */
const GROUP_BYTES = 1024 * 1024;
/**
 * A group of several rows tells that more are coming. So long after its beginning the next one waits for as long as each
 * turn of the event loop brings a row; after a turn that brings none there is nothing to wait for.
 */
const PACE_MS_PER_ROW = 0.25;
const PACE_MS = 2;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;

/**
 * Appends rows to the segments of this process (`segment-name.ts`), without the event loop ever waiting for the disk.
 * One write is under way at a time, and what comes meanwhile goes together in the next. A row is durable when its write
 * has come back whole: what the system has taken survives the end of the process; with `full` the disk has it too.
 *
 * A write that fails is tried again with the same bytes at the same place, later and later. Only after a whole write
 * another segment is begun, so a segment whose successor has any bytes is complete.
 */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  /** Those after the one that is under way. */
  readonly #waiting: SealedLines[] = [];
  #spare: SealedLines | null = null;
  #file: SegmentFile | null = null;
  #next: SegmentFile | null = null;
  #number = 0;
  #position = 0;
  /** Where the next segment is made ahead, so that no row waits for it. */
  #openNextAt: number;
  #underWay: SealedLines | null = null;
  /** How much of it is in the file. */
  #writtenBytes = 0;
  #willBegin = false;
  /** How many rows have come. */
  #appended = 0;
  /** Until then a group waits where more rows are coming. */
  #gatherUntilMs = 0;
  #retry: NodeJS.Timeout | null = null;
  #retryMs = 0;
  #drained: (() => void)[] = [];
  #isClosed = false;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
    this.#openNextAt = options.segmentBytes / 2;
  }

  /** Makes the first segment. @throws LedgerError with a hint */
  async start(): Promise<void> {
    this.#file = await this.#options.openSegment(0);
  }

  /** Puts a row on its way. It is written after this turn of the event loop or soon, with all that come until then. */
  append(row: string): void {
    this.#lastGroup().append(row);
    this.#appended += 1;
    if (this.#underWay === null) this.#beginSoon();
  }

  /** Settles when everything has been written, or a write has failed meanwhile. */
  drain(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained.push(resolve);
    if (this.#retry !== null) this.#write();
    else this.#begin();
    return promise;
  }

  /** What is not written now will not be. Gives whether nothing is left, also not under way. */
  close(): boolean {
    const isIdle = this.#isIdle;
    this.#isClosed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    if (this.#underWay === null || this.#retry !== null) this.#closeFiles();
    return isIdle;
  }

  get #isIdle(): boolean {
    return this.#underWay === null && this.#waiting.length === 0;
  }

  #lastGroup(): SealedLines {
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.length < GROUP_BYTES) return last;
    const group = this.#spare ?? new SealedLines();
    this.#spare = null;
    this.#waiting.push(group);
    return group;
  }

  #beginSoon(): void {
    if (this.#willBegin) return;
    this.#willBegin = true;
    setImmediate(this.#beginOrGather, null);
  }

  /** Called once a turn of the event loop. `before` is how many rows had come when it was last; null at first. */
  readonly #beginOrGather = (before: number | null): void => {
    if (before !== this.#appended && performance.now() < this.#gatherUntilMs) {
      setImmediate(this.#beginOrGather, this.#appended);
    } else {
      this.#willBegin = false;
      this.#begin();
    }
  };

  #begin(): void {
    if (this.#underWay !== null || this.#isClosed) return;
    const group = this.#waiting.shift();
    if (group === undefined) return;
    group.seal();
    this.#beginSegment();
    this.#gatherUntilMs = performance.now() + Math.min(PACE_MS, group.rows * PACE_MS_PER_ROW);
    this.#underWay = group;
    this.#writtenBytes = 0;
    this.#write();
  }

  #beginSegment(): void {
    if (this.#position >= this.#openNextAt) this.#openNext();
    if (this.#position < this.#options.segmentBytes || this.#next === null) return;
    this.#file?.close();
    this.#file = this.#next;
    this.#next = null;
    this.#number += 1;
    this.#position = 0;
    this.#openNextAt = this.#options.segmentBytes / 2;
  }

  /** Where that fails this segment grows, and it is tried again an eighth later. */
  #openNext(): void {
    this.#openNextAt = this.#next === null ? this.#position + this.#options.segmentBytes / 8 : Infinity;
    if (this.#next !== null) return;
    const opened = this.#options.openSegment(this.#number + 1);
    opened.then(
      (file) => {
        if (this.#isClosed) file.close();
        else this.#next = file;
      },
      () => undefined,
    );
  }

  #write(): void {
    const group = this.#underWay;
    if (group === null || this.#file === null) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    const bytes = group.bytes.subarray(this.#writtenBytes);
    this.#file.write(bytes, this.#position + this.#writtenBytes, (error, written) => {
      if (this.#isClosed) this.#closeFiles();
      else if (error !== null) this.#retryLater(error);
      else if (written === 0) this.#retryLater(new Error('Nothing could be written to the journal.'));
      else if (written < bytes.length) this.#goOn(written);
      else if (this.#options.synchronous === 'full') this.#sync();
      else this.#written();
    });
  }

  #goOn(written: number): void {
    this.#writtenBytes += written;
    this.#write();
  }

  /** What a failed sync has left is not known to be in the file any more: it is written again. */
  #sync(): void {
    this.#file?.sync((error) => {
      if (this.#isClosed) this.#closeFiles();
      else if (error === null) this.#written();
      else {
        this.#writtenBytes = 0;
        this.#retryLater(error);
      }
    });
  }

  #written(): void {
    const group = this.#underWay;
    if (group === null) return;
    const { rows } = group;
    this.#underWay = null;
    this.#position += group.length;
    this.#retryMs = 0;
    group.clear();
    this.#spare = group;
    if (this.#waiting.length > 0) this.#beginSoon();
    this.#options.onWritten(rows);
    if (this.#isIdle) this.#tellDrained();
  }

  #retryLater(error: Error): void {
    this.#retryMs = Math.min(Math.max(FIRST_RETRY_MS, this.#retryMs * 2), LAST_RETRY_MS);
    this.#retry = setTimeout(() => this.#write(), this.#retryMs).unref();
    this.#options.onFault(toLedgerError(error));
    this.#tellDrained();
  }

  #tellDrained(): void {
    const waiting = this.#drained;
    this.#drained = [];
    for (const resolve of waiting) resolve();
  }

  #closeFiles(): void {
    this.#file?.close();
    this.#next?.close();
    this.#file = null;
    this.#next = null;
  }
}
