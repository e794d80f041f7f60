/**
 * A piece of a chunk from the network, together with the chunk as text of one character for each byte (latin1). Searches
 * in text cost a fraction of searches in a Buffer, and those of a whole chunk a fraction of one for each event in it
 * (docs/performance.md). Valid only for the time of the call that it is given to.
 */
export interface ChunkSpan {
  readonly chunk: Buffer;
  readonly text: string;
  /** Index of the piece's first byte, and after its last. */
  readonly from: number;
  readonly to: number;
  /** Counts the chunks of a stream, so that what was found in one can be remembered without keeping it. */
  readonly chunkNumber: number;
}
