import { BodyDecoder } from './body-decoder.ts';
import { EventPassage, type ObserveEvent } from './event-passage.ts';
import { OpenPassage, type Passage } from './passage.ts';

/**
 * A compressed stream of events: relayed as it is, and read beside through a decoder. Where an event ends cannot be
 * told from the compressed bytes, so only the end of the body waits for the journal.
 */
export class CodedEventPassage implements Passage {
  readonly complete = false;
  readonly #open: OpenPassage;
  readonly #events: EventPassage;
  readonly #decoder: BodyDecoder;

  constructor(options: {
    observe: ObserveEvent;
    codings: readonly string[];
    expectedBytes: number | null;
    maxDecodedBytes: number;
  }) {
    this.#open = new OpenPassage(options.expectedBytes);
    this.#events = new EventPassage(options.observe, null);
    this.#decoder = new BodyDecoder(options.codings, {
      maxDecodedBytes: options.maxDecodedBytes,
      onData: (chunk) => this.#read(chunk),
    });
  }

  push(chunk: Buffer): Buffer | null {
    this.#decoder.push(chunk);
    return this.#open.push(chunk);
  }

  async end(): Promise<void> {
    try {
      await this.#decoder.end();
    } catch {
      // What cannot be decoded cannot be metered; the client still gets the upstream's bytes as they are.
    }
    this.#events.end();
  }

  release(): Buffer[] {
    return this.#open.release();
  }

  /** Behind the terminal event nothing is read, and what is decoded is not kept: a few bytes may decode to very many. */
  #read(chunk: Buffer): void {
    if (!this.#events.complete) this.#events.push(chunk);
  }
}
