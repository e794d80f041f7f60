import { EventScanner, type EventVisitor, type ScannedEvent } from './event-scanner.ts';
import type { Passage } from './passage.ts';

/** What a reader of events says of each: whether it is the one that ends the answer. */
export type ObserveEvent = (event: ScannedEvent) => 'more' | 'terminal';

/** Events that a reader passes together, of which it has nothing more to say. */
export interface PassedEvents {
  /** Index in the chunk after the last of them. */
  readonly end: number;
  /** What is to be given in their place; null for all of them as they are. */
  readonly kept: Buffer | null;
}

/** Passes the events that begin at an index in a chunk, as far as no look at each is needed; null where the first needs one. */
export type PassEvents = (chunk: Buffer, from: number) => PassedEvents | null;

/** Events longer than this are relayed unread. A base64 image in one event is a few MB. */
const MAX_READ_EVENT_BYTES = 32 * 1024 * 1024;

/**
 * A stream of events that is relayed as it comes and read beside. From the terminal event on, bytes wait: the client
 * must not see the end before the journal has the record. Where the length is known, the last chunk waits as well.
 */
export class EventPassage implements Passage {
  readonly #scanner: EventScanner;
  readonly #observe: ObserveEvent;
  #complete = false;
  #released = false;
  /** Index in the current chunk from which bytes wait. */
  #holdFrom = -1;
  #held: Buffer[] = [];
  readonly #expectedBytes: number | null;
  #seenBytes = 0;

  /**
   * @param expectedBytes the answer's `content-length`, null where it has none
   * @param passEvents passes events in place of `observe`, and keeps all of them
   */
  constructor(observe: ObserveEvent, expectedBytes: number | null, passEvents: PassEvents | null = null) {
    this.#observe = observe;
    this.#expectedBytes = expectedBytes;
    const visitor: EventVisitor = { event: (event) => this.#read(event), oversized: () => undefined };
    if (passEvents !== null) visitor.events = (chunk, at) => this.#pass(passEvents, chunk, at);
    this.#scanner = new EventScanner(visitor, { maxEventBytes: MAX_READ_EVENT_BYTES });
  }

  get complete(): boolean {
    return this.#complete;
  }

  push(chunk: Buffer): Buffer | null {
    if (this.#released) return chunk;
    if (this.#complete) {
      this.#held.push(chunk);
      return null;
    }
    this.#scanner.push(chunk);
    this.#seenBytes += chunk.length;
    if (this.#holdFrom < 0 && this.#seenBytes === this.#expectedBytes) this.#holdFrom = 0;
    if (this.#holdFrom < 0) return chunk;
    this.#held.push(chunk.subarray(this.#holdFrom));
    return this.#holdFrom === 0 ? null : chunk.subarray(0, this.#holdFrom);
  }

  end(): void {
    if (!this.#complete) this.#scanner.end();
  }

  release(): Buffer[] {
    this.#released = true;
    return this.#held.splice(0);
  }

  #pass(passEvents: PassEvents, chunk: Buffer, at: number): number {
    return this.#complete ? at : (passEvents(chunk, at)?.end ?? at);
  }

  #read(event: ScannedEvent): void {
    if (this.#complete || this.#observe(event) === 'more') return;
    this.#complete = true;
    this.#holdFrom = Math.max(0, event.chunkStart);
  }
}
