import { crc32 } from 'node:zlib';

/**
 * How a row's line (`row-lines.ts`) stands in a segment: its checksum as eight hex digits (CRC-32 as in zlib, of its
 * UTF-8), a space, the line, a line break. What a death has cut off has no line break and is no row.
 */
const CHECKSUM_LENGTH = 8;
const PREFIX_LENGTH = CHECKSUM_LENGTH + 1;
const HEX_DIGITS = Buffer.from('0123456789abcdef');
const [SPACE = 0, LINE_BREAK = 0] = Buffer.from(' \n');
const FIRST_BYTES = 64 * 1024;
/** UTF-8 has no more for one UTF-16 code unit. */
const MOST_BYTES_PER_UNIT = 3;

/** Lines that go into the file by one write. */
export class SealedLines {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;
  #lines = 0;

  /** How many there are. */
  get lines(): number {
    return this.#lines;
  }

  get length(): number {
    return this.#length;
  }

  /** As they are to be written; holds until the next change. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** @param line without a line break */
  append(line: string): void {
    this.#makeRoom(PREFIX_LENGTH + line.length * MOST_BYTES_PER_UNIT + 1);
    const bytes = this.#bytes;
    const begin = this.#length + PREFIX_LENGTH;
    const end = begin + bytes.write(line, begin);
    writeChecksum(bytes, this.#length, crc32(line));
    bytes[begin - 1] = SPACE;
    bytes[end] = LINE_BREAK;
    this.#length = end + 1;
    this.#lines += 1;
  }

  #makeRoom(byteCount: number): void {
    const needed = this.#length + byteCount;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  clear(): void {
    this.#length = 0;
    this.#lines = 0;
    if (this.#bytes.length > FIRST_BYTES * 16) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }
}

/** Reads what stands before a line break; null where it is not what was written. */
export function unsealLine(sealed: string): string | null {
  const line = sealed.slice(PREFIX_LENGTH);
  const checksum = Number.parseInt(sealed.slice(0, CHECKSUM_LENGTH), 16);
  return sealed[CHECKSUM_LENGTH] === ' ' && checksum === crc32(line) ? line : null;
}

function writeChecksum(bytes: Buffer, position: number, checksum: number): void {
  for (let digit = 0; digit < CHECKSUM_LENGTH; digit++) {
    bytes[position + digit] = HEX_DIGITS[(checksum >>> (4 * (CHECKSUM_LENGTH - 1 - digit))) & 15] ?? 0;
  }
}
