import type { ChunkSpan } from '../core/chunk-span.ts';
import type { Endpoint } from './endpoints.ts';
import { isEstimable } from './estimate-input.ts';
import type { SkimmedEvents } from './event-skim/event-skimmer.ts';
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
/** Chunks are counted from 0 on. */
const NO_CHUNK = -1;
/** What waits for it comes after the read that is being handled. */
const READ = Promise.resolve();
/** Where the type of a typed event stands, if it has no `event:` line. */
const TYPE_WITHIN_BYTES = 96;
/** `data: `, and with the two line ends behind it. */
const DATA_PREFIX_BYTES = 6;
const AROUND_DATA_BYTES = 8;

/**
 * Keeps of an answer what an estimate needs, at a constant cost per event: bytes are copied until the sample is full,
 * and then only counted. Dropped as soon as the usage is known, since then nothing is estimated.
 */
export class OutputSample {
  readonly #isResponses: boolean;
  /** The name of the last event that added text by it: most have the same. */
  #textName: string | null = null;
  #kept: KeptEvents | null = null;
  /** The chunk whose lines are noted, as text: its bytes are moved while it is read. Null where none are. */
  #notedText: string | null = null;
  /** Which chunk that is: two that say the same are two. */
  #notedChunk = NO_CHUNK;
  /** Where those lines begin and end. */
  #noted: number[] = [];
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
    if (this.#isResponses && !this.#lineAddsText(line, name)) return;
    const { chunk, from, to } = line;
    const room = this.#roomFor(to - from);
    if (room < 0) return;
    if (chunk.length - (to - from) >= MOST_AROUND_BYTES) this.#note(line, Math.min(to, from + room));
    else this.#keep({ chunk, from, to: Math.min(to, from + room) }, true);
  }

  /** The same of events of chat, one after the other, each of which is `data: …` and a blank line. */
  addEvents(chunk: Buffer, from: number, { count, end }: SkimmedEvents): void {
    this.#totalBytes += end - from - count * (AROUND_DATA_BYTES - 1);
    let room = MAX_SAMPLE_BYTES - this.#keptBytes - 1;
    if (room < 0) return;
    const text = chunk.toString('latin1', from, Math.min(end, from + room + (count + 1) * AROUND_DATA_BYTES));
    this.#noteFrom(text, NO_CHUNK);
    for (let at = 0; at < text.length && room >= 0; ) {
      const start = at + DATA_PREFIX_BYTES;
      const lineEnd = text.indexOf('\n', start);
      const to = lineEnd < 0 ? text.length : lineEnd;
      const kept = Math.min(to - start, room);
      this.#noted.push(start, start + kept);
      this.#keptBytes += kept + 1;
      room -= kept + 1;
      at = to + AROUND_DATA_BYTES - DATA_PREFIX_BYTES;
    }
  }

  /** Nothing will be estimated. */
  drop(): void {
    this.#notedText = null;
    this.#kept = null;
  }

  get evidence(): OutputEvidence {
    this.#keepNoted();
    if (this.#document !== null) return { kind: 'document', bytes: this.#document };
    if (this.#kept === null) return { kind: 'nothing' };
    return { kind: 'events', bytes: this.#kept.joined(RECORD_SEPARATOR), totalBytes: this.#totalBytes };
  }

  #lineAddsText(line: ChunkSpan, name: string | null): boolean {
    if (name !== null && name === this.#textName) return true;
    const adds = lineAddsText(line, name);
    if (adds) this.#textName = name;
    return adds;
  }

  /** Counts an event. Gives how much of it there is room for; -1 where there is none. */
  #roomFor(bytes: number): number {
    this.#totalBytes += bytes + 1;
    return MAX_SAMPLE_BYTES - this.#keptBytes - 1;
  }

  /**
   * Notes a line of a chunk that has more of them. They are copied when the chunk has been read, for most often it has
   * the usage too, and then there is nothing to copy.
   */
  #note({ text, from, chunkNumber }: ChunkSpan, to: number): void {
    if (this.#notedText === null || this.#notedChunk !== chunkNumber) this.#noteFrom(text, chunkNumber);
    this.#noted.push(from, to);
    this.#keptBytes += to - from + 1;
  }

  #noteFrom(text: string, chunkNumber: number): void {
    this.#keepNoted();
    this.#notedText = text;
    this.#notedChunk = chunkNumber;
    void READ.then(() => this.#keepNoted());
  }

  #keepNoted(): void {
    const text = this.#notedText;
    if (text === null) return;
    const noted = this.#noted;
    this.#notedText = null;
    this.#noted = [];
    const start = noted[0] ?? 0;
    const chunk = Buffer.from(text.slice(start, noted.at(-1)), 'latin1');
    this.#kept ??= new KeptEvents(MAX_SAMPLE_BYTES);
    let bytes = 0;
    for (let i = 0; i < noted.length; i += 2) bytes += (noted[i + 1] ?? 0) - (noted[i] ?? 0);
    this.#kept.makeRoom(noted.length / 2, bytes);
    for (let i = 0; i < noted.length; i += 2) {
      this.#kept.add({ chunk, from: (noted[i] ?? 0) - start, to: (noted[i + 1] ?? 0) - start });
    }
  }

  #keep(event: EventBytes, isAlone: boolean): void {
    this.#keepNoted();
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
