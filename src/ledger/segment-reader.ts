import { closeSync, fstatSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction } from './database.ts';
import { type ReadRow, rowsBookedTogether } from './row-lines.ts';
import { integer } from './row-values.ts';
import { unsealLine } from './sealed-lines.ts';
import { readSegmentName, type SegmentName } from './segment-name.ts';

/** What has come since the last booking. */
export interface TakenRows {
  readonly rows: readonly ReadRow[];
  /** Lines that are not what was written. */
  readonly faults: readonly FaultyLine[];
  /** Whether that is all there is now. */
  readonly isAll: boolean;
}

export interface FaultyLine {
  readonly instanceId: string;
  readonly line: string;
  readonly reason: string;
}

interface Segment extends SegmentName {
  readonly fileName: string;
}

/** A file that is being read, and how far it was. */
interface OpenSegment {
  readonly descriptor: number;
  /** Its length when all of its whole lines were booked; null where it has to be looked at again. */
  bookedAtLength: number | null;
  /** Where a line began that was not what it should be, in bytes; null where none did. */
  doubtedAt: number | null;
}

interface PartOfSegment {
  readonly open: OpenSegment;
  readonly begin: number;
}

/** Where to read on in a file of a length, in bytes. */
interface ReadRange {
  readonly begin: number;
  readonly length: number;
  readonly maxBytes: number;
}

/** Part of a file, from a line's beginning to the end of a line. */
interface WholeLines {
  readonly bytes: Buffer;
  readonly begin: number;
  /** Whether only a line that has not wholly come is behind it. */
  readonly isRest: boolean;
}

const FIRST_BYTES = 64 * 1024;
const LINE_BREAK = 0x0a;
/** Whoever goes on until everything is booked would go on for ever. */
const NOT_MOVED = 'How far a segment of the journal is booked was not moved by its last booking.';

/**
 * Reads the segments of all processes on a data folder (`segment-name.ts`), on the thread of the journal. How far each
 * one is booked stands in the database (`schema-segments.ts`) and is read and moved within the transaction of the
 * booking. So are the names of the files, hence a file whose row was removed is never found.
 */
export class SegmentReader {
  readonly #folder: string;
  readonly #database: DatabaseSync;
  readonly #booked: StatementSync;
  readonly #move: StatementSync;
  readonly #forget: StatementSync;
  readonly #open = new Map<string, OpenSegment>();
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** What the last `take` has come to, until its transaction is committed. */
  #taken = new Map<OpenSegment, number | null>();
  /** Where it began in a segment of which it left a part, and the same of the last one that is committed. */
  #takenPart: PartOfSegment | null = null;
  #bookedPart: PartOfSegment | null = null;

  constructor(database: DatabaseSync, folder: string) {
    this.#database = database;
    this.#folder = folder;
    this.#booked = database.prepare('SELECT booked_bytes FROM journal_segments WHERE name = ?');
    this.#move = database.prepare(
      `INSERT INTO journal_segments (name, booked_bytes) VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET booked_bytes = excluded.booked_bytes`,
    );
    this.#forget = database.prepare('DELETE FROM journal_segments WHERE name NOT IN (SELECT value FROM json_each(?))');
  }

  /** Whether anything has come that this thread has not seen booked. @throws an error of the file system */
  hasNew(): boolean {
    return this.#segments().some((segment) => {
      const open = this.#opened(segment);
      return open !== null && open.bookedAtLength !== fstatSync(open.descriptor).size;
    });
  }

  /**
   * Reads about `maxBytes` that nobody has booked yet, and has the database say that they are. Must be called within
   * the transaction that enters the rows; `committed` is to be called after it.
   *
   * @param mayGrow tells of an instance whether it may be writing now: a line that is wrong there is believed to be so
   *   only when it is seen again, because what is being written may be seen in pieces
   * @throws an error of the file system, or what SQLite throws
   */
  take(maxBytes: number, mayGrow: (instanceId: string) => boolean): TakenRows {
    this.#taken = new Map();
    this.#takenPart = null;
    const rows: ReadRow[] = [];
    const faults: FaultyLine[] = [];
    let left = maxBytes;
    for (const segment of this.#segments()) {
      const open = this.#opened(segment);
      if (open === null) continue;
      const length = fstatSync(open.descriptor).size;
      if (open.bookedAtLength === length) continue;
      if (left <= 0) return { rows, faults, isAll: false };
      const begin = this.#bookedBytes(segment);
      this.#assertMoved({ open, begin });
      const lines = this.#wholeLines(open.descriptor, { begin, length, maxBytes: left });
      const read = readLines(lines, { segment, doubtedAt: mayGrow(segment.instanceId) ? open.doubtedAt : 'all' });
      for (const row of read.rows) rows.push(row);
      for (const fault of read.faults) faults.push(fault);
      if (read.bytes > 0) this.#move.run(segment.fileName, lines.begin + read.bytes);
      open.doubtedAt = read.doubtedAt;
      left = lines.isRest ? left - read.bytes : 0;
      this.#taken.set(open, lines.isRest && read.doubtedAt === null ? length : null);
      if (lines.isRest) continue;
      if (read.bytes > 0) this.#takenPart = { open, begin };
      return { rows, faults, isAll: false };
    }
    return { rows, faults, isAll: true };
  }

  /** A process of another version may have forgotten how far a segment is: the next try reads it again, which does no harm. */
  #assertMoved({ open, begin }: PartOfSegment): void {
    const booked = this.#bookedPart;
    if (booked?.open !== open || booked.begin !== begin) return;
    this.#bookedPart = null;
    throw new Error(NOT_MOVED);
  }

  /** The transaction of the last `take` is committed. */
  committed(): void {
    for (const [open, length] of this.#taken) open.bookedAtLength = length;
    this.#taken = new Map();
    this.#bookedPart = this.#takenPart;
  }

  /** Removes segments of an instance that are booked and have a successor, so that nothing is added to them. */
  removeSucceeded(instanceId: string): void {
    const own = this.#segments().filter((segment) => segment.instanceId === instanceId);
    this.#removeBooked(
      own.filter((segment) =>
        own.some((other) => other.life === segment.life && other.number > segment.number && this.#hasBytes(other)),
      ),
    );
  }

  /**
   * Removes what is booked of instances that will add nothing.
   *
   * @param untilMs only what nothing was added to since
   */
  removeOf(isOver: (instanceId: string) => boolean, untilMs = Infinity): void {
    const over = this.#segments().filter((segment) => {
      const open = isOver(segment.instanceId) ? this.#opened(segment) : null;
      return open !== null && fstatSync(open.descriptor).mtimeMs <= untilMs;
    });
    this.#removeBooked(over);
  }

  close(): void {
    for (const { descriptor } of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }

  /** The file first: while it is there, its row says that it is booked. */
  #removeBooked(segments: readonly Segment[]): void {
    const booked = segments.filter((segment) => {
      const open = this.#opened(segment);
      return open !== null && open.bookedAtLength === fstatSync(open.descriptor).size;
    });
    if (booked.length === 0) return;
    for (const { fileName } of booked) rmSync(join(this.#folder, fileName), { force: true });
    inTransaction(this.#database, () =>
      this.#forget.run(JSON.stringify(this.#segments().map(({ fileName }) => fileName))),
    );
  }

  /** All that are there, those of a life in their order. */
  #segments(): Segment[] {
    const segments = readdirSync(this.#folder).flatMap((fileName): Segment[] => {
      const name = readSegmentName(fileName);
      return name === null ? [] : [{ ...name, fileName }];
    });
    if (this.#open.size > 0) this.#closeAllBut(segments);
    return segments.sort((a, b) => (a.life === b.life ? a.number - b.number : a.life < b.life ? -1 : 1));
  }

  #closeAllBut(segments: readonly Segment[]): void {
    const there = new Set(segments.map(({ fileName }) => fileName));
    for (const [fileName, { descriptor }] of this.#open) {
      if (there.has(fileName)) continue;
      closeSync(descriptor);
      this.#open.delete(fileName);
    }
  }

  /** Null where the file was removed just now. */
  #opened({ fileName }: Segment): OpenSegment | null {
    const known = this.#open.get(fileName);
    if (known !== undefined) return known;
    try {
      const open = { descriptor: openSync(join(this.#folder, fileName), 'r'), bookedAtLength: null, doubtedAt: null };
      this.#open.set(fileName, open);
      return open;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
  }

  #hasBytes(segment: Segment): boolean {
    const open = this.#opened(segment);
    return open !== null && fstatSync(open.descriptor).size > 0;
  }

  /** Reads on from `begin`: at least one line, if there is one that has wholly come. Holds until the next one. */
  #wholeLines(descriptor: number, { begin, length, maxBytes }: ReadRange): WholeLines {
    let wanted = Math.max(maxBytes, FIRST_BYTES);
    for (;;) {
      const count = Math.max(0, Math.min(wanted, length - begin));
      if (this.#bytes.length < count) this.#bytes = Buffer.allocUnsafeSlow(count);
      const read = count === 0 ? 0 : readSync(descriptor, this.#bytes, 0, count, begin);
      const isRest = begin + read >= length || read < count;
      const end = this.#bytes.subarray(0, read).lastIndexOf(LINE_BREAK) + 1;
      if (end > 0 || isRest) return { bytes: this.#bytes.subarray(0, end), begin, isRest };
      wanted *= 4;
    }
  }

  #bookedBytes({ fileName }: Segment): number {
    const row = this.#booked.get(fileName);
    return row === undefined ? 0 : integer(row, 'booked_bytes');
  }
}

interface ReadLines {
  readonly rows: readonly ReadRow[];
  readonly faults: readonly FaultyLine[];
  /** How much of it was read, and is not to be read again. */
  readonly bytes: number;
  readonly doubtedAt: number | null;
}

/** @param doubtedAt where a wrong line was seen before and is believed now; `all` believes each */
function readLines(
  { bytes, begin }: WholeLines,
  { segment, doubtedAt }: { readonly segment: Segment; readonly doubtedAt: number | null | 'all' },
): ReadLines {
  const { instanceId } = segment;
  const whole: string[] = [];
  const faults: FaultyLine[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(LINE_BREAK, at);
    const sealed = bytes.subarray(at, end);
    const rows = unsealLine(sealed);
    if (rows !== null) for (const row of rows) whole.push(row);
    else if (doubtedAt === 'all' || doubtedAt === begin + at) {
      faults.push({ instanceId, line: sealed.toString(), reason: 'The checksum does not fit the line.' });
    } else return { rows: rowsBookedTogether(whole, instanceId), faults, bytes: at, doubtedAt: begin + at };
    at = end + 1;
  }
  return { rows: rowsBookedTogether(whole, instanceId), faults, bytes: bytes.length, doubtedAt: null };
}
