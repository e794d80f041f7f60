/**
 * The way of an answer's bytes through Metertap. A passage takes each chunk from the upstream and gives what may go out
 * at once; what must wait for the journal it holds until the relay releases it (design.md, promise 3).
 */
export interface Passage {
  /** Takes the next bytes. Gives those that may go to the client now, or null. */
  push(chunk: Buffer): Buffer | null;
  /** No more bytes will come. Resolves when everything that was to be read of them has been read. */
  end(): Promise<void> | void;
  /** True from the moment when the bytes seen say that the answer is whole, although the upstream has not ended yet. */
  readonly complete: boolean;
  /**
   * The bytes that waited, in order. Afterwards the passage holds nothing and lets everything through. It must take them
   * out of its list rather than begin a new one: a list that has grown old with its stream keeps what is in it until the
   * next full collection, and with each piece the 64 KiB of `Buffer`'s pool that it was cut from.
   */
  release(): Buffer[];
}

/**
 * Lets bytes through as they come. Where the length of the answer is known its last chunk waits; where it is not, the
 * end of the chunked body is the last byte, and the relay keeps that back itself.
 */
export class OpenPassage implements Passage {
  readonly complete = false;
  #expectedBytes: number | null;
  #seenBytes = 0;
  #held: Buffer[] = [];

  /** @param expectedBytes the answer's `content-length`, null where it has none */
  constructor(expectedBytes: number | null) {
    this.#expectedBytes = expectedBytes;
  }

  push(chunk: Buffer): Buffer | null {
    this.#seenBytes += chunk.length;
    if (this.#expectedBytes === null || this.#seenBytes < this.#expectedBytes) return chunk;
    this.#held.push(chunk);
    return null;
  }

  end(): void {}

  release(): Buffer[] {
    this.#expectedBytes = null;
    return this.#held.splice(0);
  }
}
