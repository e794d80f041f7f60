import { AnswerMeter } from '../metering/answer-meter.ts';
import type { Endpoint } from '../metering/endpoints.ts';
import type { EventSkimmer } from '../metering/event-skim/event-skimmer.ts';
import { InjectedUsageHider } from '../metering/injected-usage.ts';
import { canDecode, codingsOf, DecodingError, decodeBody } from '../streaming/body-decoder.ts';
import { CodedEventPassage } from '../streaming/coded-event-passage.ts';
import { decodedSource } from '../streaming/decoded-source.ts';
import { DocumentPassage } from '../streaming/document-passage.ts';
import { EventPassage, type ObserveEvent, type PassEvents } from '../streaming/event-passage.ts';
import type { ScannedEvent } from '../streaming/event-scanner.ts';
import { type EventJudge, FilteredEventPassage, type HidingVerdict } from '../streaming/filtered-event-passage.ts';
import { OpenPassage, type Passage } from '../streaming/passage.ts';
import type { AnswerSource } from '../streaming/relay.ts';
import type { UpstreamAnswer } from './dispatch.ts';
import type { StreamGuard } from './stream-guard.ts';

/** A JSON answer up to this size is held until its record is written, so that its head can tell the cost. */
const MAX_HELD_DOCUMENT_BYTES = 8 * 1024 * 1024;
/** A JSON answer up to this size is read for its usage: images come as base64, some tens of MB. */
const MAX_READ_DOCUMENT_BYTES = 128 * 1024 * 1024;
const MAX_DECODED_STREAM_BYTES = 1024 * 1024 * 1024;

/**
 * Joins the bytes of an answer (streaming) with their meaning (metering): which passage they take, and who reads them.
 */
export interface AnswerWatch {
  readonly passage: Passage;
  readonly source: AnswerSource;
  readonly meter: AnswerMeter;
  /** Whether the meter is shown the answer; some pass by unread. */
  readonly isRead: boolean;
  /** The head of a stream goes out at once; that of a document waits for the whole. */
  readonly isDocument: boolean;
  /** Lets a held document out as it is, because it takes too long; null for other answers. */
  readonly spill: (() => Buffer | null) | null;
  /** Names of headers that no longer hold for the client. */
  readonly droppedHeaders: readonly string[];
  /** Reads what can be read only now that the answer is over; at once where there is nothing to wait for. */
  finish(): void | Promise<void>;
}

/** What is known of an upstream whose caused usage is to be hidden (wire.md 2.2). */
export interface UsageHiding {
  /** It gives usage, also beside choices, only to those who ask. */
  readonly usageOnlyWhenAsked: boolean;
  /** The client is to see the usage that ends the stream, but none on the way. */
  readonly runningOnly?: boolean;
}

/** What of a stream is not to reach the client. */
export interface Withholding {
  /** Set where the stream was asked for usage on behalf of a client that did not ask, and is to be hidden. */
  readonly hiding: UsageHiding | null;
  /** Set where a hard limit ends the stream. */
  readonly guard: StreamGuard | null;
  /** Passes events that need no look at each; a guard looks at each all the same. */
  readonly skimmer: EventSkimmer;
}

/** Chooses how `answer` is relayed and read. */
export function watchAnswer(answer: UpstreamAnswer, endpoint: Endpoint, withholding: Withholding): AnswerWatch {
  const meter = new AnswerMeter(endpoint);
  const contentType = answer.headers.get('content-type');
  const codings = codingsOf(answer.headers.get('content-encoding'));
  const expectedBytes = lengthOf(answer.headers.get('content-length'));
  // With the head of an empty answer the client has all of it: it waits for the record, as a document does.
  if (expectedBytes === 0 || BODILESS_STATUSES.has(answer.status)) {
    return new DocumentWatch(answer, { meter, codings, expectedBytes });
  }
  // Of an endpoint that the table does not know nothing is read: it is recorded without usage.
  if (endpoint.kind === 'unmetered')
    return { ...PLAIN, passage: new OpenPassage(expectedBytes), source: answer, meter };
  if (isEventStream(contentType)) return watchEvents(answer, { meter, codings, expectedBytes, ...withholding });
  if (isDocument(contentType)) return new DocumentWatch(answer, { meter, codings, expectedBytes });
  return { ...PLAIN, passage: new OpenPassage(expectedBytes), source: answer, meter };
}

const KEEP: HidingVerdict = { kind: 'keep' };
const HIDES_NOTHING: EventJudge = { judge: () => KEEP, glance: () => KEEP };
const BODILESS_STATUSES = new Set([204, 304]);

const NO_NAMES: readonly string[] = [];

const PLAIN = {
  isRead: false,
  isDocument: false,
  spill: null,
  droppedHeaders: NO_NAMES,
  finish: () => undefined,
} as const;

interface Watched {
  readonly meter: AnswerMeter;
  readonly codings: readonly string[];
  readonly expectedBytes: number | null;
}

function watchEvents(answer: UpstreamAnswer, watched: Watched & Withholding): AnswerWatch {
  const { meter, codings, expectedBytes, hiding, guard, skimmer } = watched;
  const observe: ObserveEvent = (event) => readEvent(event, meter);
  // A stream that nobody here can read goes by as it is.
  if (!canDecode(codings)) return { ...PLAIN, passage: new OpenPassage(expectedBytes), source: answer, meter };
  if (hiding !== null || guard !== null) {
    const hider = hiding === null ? null : new InjectedUsageHider(hiding);
    const judge = hider ?? HIDES_NOTHING;
    const passage =
      guard === null
        ? new FilteredEventPassage(observe, judge, hider?.cutsNull ? passCut(meter, { hider, skimmer }) : null)
        : new FilteredEventPassage((event) => readGuarded(event, { meter, guard }), guard.judging(judge));
    const source = codings.length === 0 ? answer : decodedSource(answer, codings, MAX_DECODED_STREAM_BYTES);
    const droppedHeaders = codings.length === 0 ? ['content-length'] : ['content-length', 'content-encoding'];
    return { ...PLAIN, isRead: true, passage, source, meter, droppedHeaders };
  }
  const passage =
    codings.length === 0
      ? new EventPassage(observe, expectedBytes, (chunk, from) =>
          meter.skimEvents(chunk, from, { skimmer, cutsNull: false }),
        )
      : new CodedEventPassage({ observe, codings, expectedBytes, maxDecodedBytes: MAX_DECODED_STREAM_BYTES });
  return { ...PLAIN, isRead: true, passage, source: answer, meter };
}

function readEvent(event: ScannedEvent, meter: AnswerMeter): 'more' | 'terminal' {
  if (event.line !== null && meter.skimEvent(event.line, event.name)) return 'more';
  const { data } = event;
  return data === null ? 'more' : meter.readEvent(data, event.name);
}

/** Passes events without the usage that ends them, which is null. */
function passCut(
  meter: AnswerMeter,
  { hider, skimmer }: { hider: InjectedUsageHider; skimmer: EventSkimmer },
): PassEvents {
  return (chunk, from) => {
    const passed = meter.skimEvents(chunk, from, { skimmer, cutsNull: true });
    if (passed !== null) hider.noteCut();
    return passed;
  };
}

/** The guard sees every event, whether the meter reads it or not. */
function readGuarded(
  event: ScannedEvent,
  { meter, guard }: { meter: AnswerMeter; guard: StreamGuard },
): 'more' | 'terminal' {
  if (event.line !== null) guard.seeLine(event.line, event.name);
  else if (event.data !== null) guard.see(event.data, event.name);
  return readEvent(event, meter);
}

/** How a document is relayed and read. */
class DocumentWatch implements AnswerWatch {
  readonly passage: DocumentPassage;
  readonly source: AnswerSource;
  readonly meter: AnswerMeter;
  readonly isRead = true;
  readonly isDocument = true;
  readonly droppedHeaders = NO_NAMES;
  readonly #codings: readonly string[];

  constructor(answer: UpstreamAnswer, { meter, codings, expectedBytes }: Watched) {
    this.passage = new DocumentPassage({
      expectedBytes,
      maxHeldBytes: MAX_HELD_DOCUMENT_BYTES,
      maxDocumentBytes: MAX_READ_DOCUMENT_BYTES,
    });
    this.source = answer;
    this.meter = meter;
    this.#codings = codings;
  }

  spill(): Buffer | null {
    return this.passage.spill();
  }

  finish(): void | Promise<void> {
    const document = this.passage.document();
    if (document === null) return;
    if (this.#codings.length > 0) return this.#readCoded(document);
    this.meter.readDocument(document);
  }

  async #readCoded(document: Buffer): Promise<void> {
    try {
      this.meter.readDocument(await decodeBody(document, this.#codings, MAX_READ_DOCUMENT_BYTES));
    } catch (error) {
      // What cannot be decoded cannot be metered: the usage is then missing, and the client gets the bytes as they are.
      if (!(error instanceof DecodingError)) throw error;
    }
  }
}

/** As most upstreams write them, which is told without a regular expression. */
const PLAIN_EVENT_STREAM = 'text/event-stream';
const PLAIN_DOCUMENT = 'application/json';

function isEventStream(contentType: string | undefined): boolean {
  if (contentType === undefined || contentType === PLAIN_DOCUMENT) return false;
  return contentType === PLAIN_EVENT_STREAM || /^\s*text\/event-stream\b/i.test(contentType);
}

/** JSON, or a type that does not say what it is. */
function isDocument(contentType: string | undefined): boolean {
  if (contentType === undefined || contentType === PLAIN_DOCUMENT) return true;
  return /^\s*(application\/([\w.-]+\+)?json|text\/plain)\b/i.test(contentType);
}

function lengthOf(contentLength: string | undefined): number | null {
  return contentLength !== undefined && /^\d+$/.test(contentLength) ? Number(contentLength) : null;
}
