import { crc32 } from 'node:zlib';

/**
 * How rows (`row-lines.ts`) stand in a segment: those that are written together are one sealed line, or one after the
 * other where they are many. A sealed line is a checksum as eight hex digits (CRC-32 as in zlib, of all that comes behind
 * the space), a space, the rows with record separators between them, a line break. What a death has cut off has no line
 * break and holds no row. Earlier versions sealed each row by itself.
 */
const CHECKSUM_LENGTH = 8;
const PREFIX_LENGTH = CHECKSUM_LENGTH + 1;
const HEX_DIGITS = Buffer.from('0123456789abcdef');
/** Stands in no row: JSON writes it as an escape. */
const ROW_SEPARATOR = '\x1e';
const [SPACE = 0, LINE_BREAK = 0, ROW_SEPARATOR_BYTE = 0] = Buffer.from(` \n${ROW_SEPARATOR}`);
const FIRST_BYTES = 64 * 1024;
/** A line that is damaged takes no more rows with it than have begun within so much. */
const SEALED_BYTES = 16 * 1024;
/** UTF-8 has no more for one UTF-16 code unit. */
const MOST_BYTES_PER_UNIT = 3;

/** Rows that go into the file by one write. */
export class SealedLines {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;
  /** Where the line begins that is not sealed yet. */
  #begin = 0;
  #rows = 0;

  /** How many there are. */
  get rows(): number {
    return this.#rows;
  }

  get length(): number {
    return this.#length;
  }

  /** What is sealed, as it is to be written; holds until the next change. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#begin);
  }

  /** @param row of `row-lines.ts` */
  append(row: string): void {
    if (this.#length - this.#begin > SEALED_BYTES) this.seal();
    const isFirst = this.#length === this.#begin;
    const at = this.#length + (isFirst ? PREFIX_LENGTH : 1);
    this.#makeRoom(at + row.length * MOST_BYTES_PER_UNIT + 1);
    if (!isFirst) this.#bytes[at - 1] = ROW_SEPARATOR_BYTE;
    this.#length = at + this.#bytes.write(row, at);
    this.#rows += 1;
  }

  /** Ends the line that was begun, if one was. */
  seal(): void {
    if (this.#length === this.#begin) return;
    const bytes = this.#bytes;
    const begin = this.#begin + PREFIX_LENGTH;
    writeChecksum(bytes, this.#begin, crc32(bytes.subarray(begin, this.#length)));
    bytes[begin - 1] = SPACE;
    bytes[this.#length] = LINE_BREAK;
    this.#length += 1;
    this.#begin = this.#length;
  }

  #makeRoom(needed: number): void {
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  clear(): void {
    this.#length = 0;
    this.#begin = 0;
    this.#rows = 0;
    if (this.#bytes.length > FIRST_BYTES * 16) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }
}

/** Reads the rows of a sealed line without its line break; null where it is not what was written. */
export function unsealLine(sealed: Buffer): string[] | null {
  if (sealed[CHECKSUM_LENGTH] !== SPACE) return null;
  const checksum = Number.parseInt(sealed.toString('latin1', 0, CHECKSUM_LENGTH), 16);
  if (checksum !== crc32(sealed.subarray(PREFIX_LENGTH))) return null;
  return sealed.toString('utf8', PREFIX_LENGTH).split(ROW_SEPARATOR);
}

function writeChecksum(bytes: Buffer, position: number, checksum: number): void {
  for (let digit = 0; digit < CHECKSUM_LENGTH; digit++) {
    bytes[position + digit] = HEX_DIGITS[(checksum >>> (4 * (CHECKSUM_LENGTH - 1 - digit))) & 15] ?? 0;
  }
}
