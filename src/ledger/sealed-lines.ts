import { crc32 } from 'node:zlib';

/**
 * How a row's line (`row-lines.ts`) stands in a segment: its checksum as eight hex digits (CRC-32 as in zlib, of its
 * UTF-8), a space, the line, a line break. What a death has cut off has no line break and is no row.
 */
const CHECKSUM_LENGTH = 8;

/** The line as it is written. @param line without a line break */
export function sealLine(line: string): string {
  return `${checksumOf(line)} ${line}\n`;
}

/** Reads what stands before a line break; null where it is not what was written. */
export function unsealLine(sealed: string): string | null {
  const line = sealed.slice(CHECKSUM_LENGTH + 1);
  return sealed[CHECKSUM_LENGTH] === ' ' && sealed.startsWith(checksumOf(line)) ? line : null;
}

function checksumOf(line: string): string {
  return (crc32(line) + 0x1_0000_0000).toString(16).slice(1);
}
