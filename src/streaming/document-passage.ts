import type { Passage } from './passage.ts';

/**
 * Collects an answer that is one document (JSON) whole, so that its cost can stand in a header before it. An answer
 * that is too large or too slow is let through as it comes (some upstreams send white space for minutes to keep the
 * connection alive), and is then still read at its end.
 */
export class DocumentPassage implements Passage {
  readonly complete = false;
  readonly #maxHeldBytes: number;
  readonly #maxDocumentBytes: number;
  #expectedBytes: number | null;
  #seenBytes = 0;
  #held: Buffer[] = [];
  #kept: Buffer[] = [];
  #spilled = false;

  constructor(options: { expectedBytes: number | null; maxHeldBytes: number; maxDocumentBytes: number }) {
    this.#expectedBytes = options.expectedBytes;
    this.#maxHeldBytes = options.maxHeldBytes;
    this.#maxDocumentBytes = options.maxDocumentBytes;
  }

  /** True once bytes have been let out before the whole document was there. */
  get spilled(): boolean {
    return this.#spilled;
  }

  push(chunk: Buffer): Buffer | null {
    this.#seenBytes += chunk.length;
    if (this.#seenBytes <= this.#maxDocumentBytes) this.#kept.push(chunk);
    else this.#kept = [];
    if (this.#spilled && this.#seenBytes !== this.#expectedBytes) return chunk;
    this.#held.push(chunk);
    return !this.#spilled && this.#seenBytes > this.#maxHeldBytes ? this.spill() : null;
  }

  /** Lets out what has been collected, unless that is the whole answer; from now on bytes pass as they come. */
  spill(): Buffer | null {
    if (this.#seenBytes === this.#expectedBytes) return null;
    this.#spilled = true;
    const out = this.#held;
    this.#held = [];
    return out.length === 0 ? null : Buffer.concat(out);
  }

  end(): void {}

  /** The whole answer, for reading; null where it was longer than may be kept. */
  document(): Buffer | null {
    if (this.#seenBytes > this.#maxDocumentBytes) return null;
    const first = this.#kept[0];
    return this.#kept.length === 1 && first ? first : Buffer.concat(this.#kept);
  }

  release(): Buffer[] {
    this.#kept.length = 0;
    this.#spilled = true;
    this.#expectedBytes = null;
    return this.#held.splice(0);
  }
}
