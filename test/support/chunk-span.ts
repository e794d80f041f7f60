import type { ChunkSpan } from '../../src/core/chunk-span.ts';

/** Lines of one chunk, as a scanner of events tells of them: each `data: ` and a blank line after it. */
export function linesOfOneChunk(lines: readonly (Buffer | string)[], chunkNumber = 1): ChunkSpan[] {
  const parts = lines.map((line) => Buffer.concat([Buffer.from('data: '), Buffer.from(line), Buffer.from('\n\n')]));
  const chunk = Buffer.concat(parts);
  const text = chunk.toString('latin1');
  let end = 0;
  return parts.map((part) => {
    const from = end + 6;
    end += part.length;
    return { chunk, text, from, to: end - 2, chunkNumber };
  });
}

/** A line in a chunk of its own. */
export function lineOf(data: Buffer | string, chunkNumber = 1): ChunkSpan {
  const [line] = linesOfOneChunk([data], chunkNumber);
  if (line === undefined) throw new Error('no line');
  return line;
}
