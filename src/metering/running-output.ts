import type { ChunkSpan } from '../core/chunk-span.ts';
import type { Endpoint } from './endpoints.ts';
import { addsText, lineAddsText } from './estimate-sample.ts';

const BYTES_PER_TOKEN = 4;

/**
 * A running estimate of what a stream has put out, at the cost of a subtraction per event: the smallest event that was
 * seen is taken for what all of them have around their text, four further bytes for a token, and each event that adds
 * text for one token at least.
 */
export class RunningOutput {
  readonly #isResponses: boolean;
  #events = 0;
  #bytes = 0;
  #smallestBytes = Number.POSITIVE_INFINITY;

  constructor(endpoint: Pick<Endpoint, 'isResponses'>) {
    this.#isResponses = endpoint.isResponses;
  }

  /** @param name the event's `event:` line, if it has one */
  add(data: Buffer, name: string | null): void {
    if (!this.#isResponses || addsText(data, name)) this.#count(data.length);
  }

  /** The same of an event whose data is one line within a chunk. */
  addLine(line: ChunkSpan, name: string | null): void {
    if (!this.#isResponses || lineAddsText(line, name)) this.#count(line.to - line.from);
  }

  get tokens(): number {
    if (this.#events === 0) return 0;
    const text = this.#bytes - this.#events * this.#smallestBytes;
    return Math.max(this.#events, Math.ceil(text / BYTES_PER_TOKEN));
  }

  #count(bytes: number): void {
    this.#events++;
    this.#bytes += bytes;
    if (bytes < this.#smallestBytes) this.#smallestBytes = bytes;
  }
}
