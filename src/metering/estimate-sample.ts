import type { ChunkSpan } from '../core/chunk-span.ts';
import type { Endpoint } from './endpoints.ts';
import { isEstimable } from './estimate-input.ts';
import { type EventBytes, KeptEvents } from './kept-events.ts';

/** What was kept of an answer while it passed, for an estimate of its tokens. */
export type OutputEvidence =
  | { readonly kind: 'nothing' }
  /** A JSON answer, as far as it came. */
  | { readonly kind: 'document'; readonly bytes: Buffer }
  /** The data of a stream's first events, each after a record separator, and how many bytes of it there were in all. */
  | { readonly kind: 'events'; readonly bytes: Buffer; readonly totalBytes: number };

/** Begins each text in a sequence of JSON texts (RFC 7464); it stands in none. */
const RECORD_SEPARATOR = 0x1e;

/**
 * Most that is kept of a stream: some thirty events. An open stream may cost a few KiB (design.md, promise 5), so that
 * what all of them share is kept once.
 */
const MAX_SAMPLE_BYTES = 8 * 1024;
/** An event with fewer bytes around it has come alone: its stream is paced, and may be open for long. */
const MOST_AROUND_BYTES = 64;
/** Where the type of a typed event stands, if it has no `event:` line. */
const TYPE_WITHIN_BYTES = 96;

/**
 * Keeps of an answer what an estimate needs, at a constant cost per event: bytes are copied until the sample is full,
 * and then only counted. Dropped as soon as the usage is known, since then nothing is estimated.
 */
export class OutputSample {
  readonly #isResponses: boolean;
  #kept: KeptEvents | null = null;
  #keptBytes = 0;
  #totalBytes = 0;
  #document: Buffer | null = null;

  private constructor(isResponses: boolean) {
    this.#isResponses = isResponses;
  }

  /** Gives null for endpoints whose calls are never estimated. */
  static for(endpoint: Endpoint): OutputSample | null {
    return isEstimable(endpoint) ? new OutputSample(endpoint.isResponses) : null;
  }

  addDocument(bytes: Buffer): void {
    this.#document = bytes;
  }

  /** @param name the event's `event:` line, if it has one */
  addEvent(data: Buffer, name: string | null): void {
    if (this.#isResponses && !addsText(data, name)) return;
    const room = this.#roomFor(data.length);
    if (room < 0) return;
    this.#keep({ chunk: data, from: 0, to: Math.min(data.length, room) }, true);
  }

  /** The same of an event whose data is one line within a chunk. */
  addLine(line: ChunkSpan, name: string | null): void {
    if (this.#isResponses && !lineAddsText(line, name)) return;
    const { chunk, from, to } = line;
    const room = this.#roomFor(to - from);
    if (room < 0) return;
    this.#keep({ chunk, from, to: Math.min(to, from + room) }, chunk.length - (to - from) < MOST_AROUND_BYTES);
  }

  get evidence(): OutputEvidence {
    if (this.#document !== null) return { kind: 'document', bytes: this.#document };
    if (this.#kept === null) return { kind: 'nothing' };
    return { kind: 'events', bytes: this.#kept.joined(RECORD_SEPARATOR), totalBytes: this.#totalBytes };
  }

  /** Counts an event. Gives how much of it there is room for; -1 where there is none. */
  #roomFor(bytes: number): number {
    this.#totalBytes += bytes + 1;
    return MAX_SAMPLE_BYTES - this.#keptBytes - 1;
  }

  #keep(event: EventBytes, isAlone: boolean): void {
    this.#kept ??= new KeptEvents(MAX_SAMPLE_BYTES);
    if (isAlone) this.#kept.addCompared(event);
    else this.#kept.add(event);
    this.#keptBytes += event.to - event.from + 1;
  }
}

/**
 * Whether an event of a response adds text to it. The others repeat it: the response as it stands, a part that is done.
 * Audio comes as base64 and is not text.
 */
export function addsText(data: Buffer, name: string | null): boolean {
  return name === null ? TYPE_ADDS_TEXT.test(data.toString('latin1', 0, TYPE_WITHIN_BYTES)) : NAME_ADDS_TEXT.test(name);
}

/** The same of an event whose data is one line within a chunk. */
export function lineAddsText({ text, from, to }: ChunkSpan, name: string | null): boolean {
  if (name !== null) return NAME_ADDS_TEXT.test(name);
  return TYPE_ADDS_TEXT.test(text.slice(from, Math.min(to, from + TYPE_WITHIN_BYTES)));
}

const TYPE_ADDS_TEXT = /"response\.[\w.]+(?<!audio)\.delta"/;
const NAME_ADDS_TEXT = /(?<!audio)\.delta$/;

/** The data of the events in a sample; the last may be cut off. */
export function* eventsIn(sample: Buffer): Generator<Buffer> {
  let start = 0;
  while (start < sample.length) {
    const next = sample.indexOf(RECORD_SEPARATOR, start);
    const end = next < 0 ? sample.length : next;
    if (end > start) yield sample.subarray(start, end);
    start = end + 1;
  }
}
