const CR = 0x0d;
const LF = 0x0a;
/** What ends an HTTP chunk: CR LF. */
const CHUNK_END_BYTES = 2;
const MAX_SIZE_DIGITS = 8;
const NO_BYTES = Buffer.alloc(0);
/** More pieces than so many are rather copied together than looked at and written one by one. */
const MAX_PIECES = 4;

/** Whether a chunk's memory ends with it: the read of the socket that it came with has, it seems, nothing more. */
export function endsItsRead(chunk: Buffer): boolean {
  return chunk.byteOffset + chunk.length + CHUNK_END_BYTES >= chunk.buffer.byteLength;
}

/**
 * Joins the HTTP chunks of one read of a socket in the place where they are: they are moved together over the framing
 * that stands between them, so that no memory is needed. Nobody else has these bytes (Node makes memory for each read,
 * and undici parses a copy of it), which is not taken on trust: only what stands between two chunks as the framing of
 * the second is written over.
 *
 * @param chunks in order, as undici gave them; they must not be used any more
 * @returns the same bytes, most often in as many pieces as there were reads
 */
export function joinedChunks(chunks: readonly Buffer[]): readonly Buffer[] {
  if (chunks.length === 1) return chunks;
  const pieces: Buffer[] = [];
  let next = 0;
  while (next < chunks.length) next = joinRead(chunks, next, pieces);
  return pieces.length > MAX_PIECES ? [Buffer.concat(pieces)] : pieces;
}

/** Adds the piece that begins with the chunk at `index`. Gives the index of the first chunk that is not in it. */
function joinRead(chunks: readonly Buffer[], index: number, pieces: Buffer[]): number {
  const first = chunks[index] ?? NO_BYTES;
  const memory = Buffer.from(first.buffer);
  let read = first.byteOffset + first.length;
  let end = read;
  let next = index + 1;
  for (; next < chunks.length; next++) {
    const chunk = chunks[next] ?? NO_BYTES;
    if (chunk.buffer !== memory.buffer || !isFraming(memory, read, chunk)) break;
    read = chunk.byteOffset + chunk.length;
    memory.copyWithin(end, chunk.byteOffset, read);
    end += chunk.length;
  }
  pieces.push(memory.subarray(first.byteOffset, end));
  return next;
}

/** Whether all that stands from `from` up to the chunk is an end of a chunk and the size of this one (RFC 9112 7.1). */
function isFraming(memory: Buffer, from: number, chunk: Buffer): boolean {
  const sizeStart = from + CHUNK_END_BYTES;
  const sizeEnd = chunk.byteOffset - CHUNK_END_BYTES;
  if (sizeEnd <= sizeStart || sizeEnd - sizeStart > MAX_SIZE_DIGITS) return false;
  if (memory[from] !== CR || memory[from + 1] !== LF || memory[sizeEnd] !== CR || memory[sizeEnd + 1] !== LF)
    return false;
  let size = 0;
  for (let at = sizeStart; at < sizeEnd; at++) {
    const digit = hexDigit(memory[at] ?? 0);
    if (digit < 0) return false;
    size = size * 16 + digit;
  }
  return size >= chunk.length; // of a chunk that the read has cut, a part is here
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
