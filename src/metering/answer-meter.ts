import type { ChunkSpan } from '../core/chunk-span.ts';
import type { MemberSpan } from '../core/json-members.ts';
import { codeText, errorCodeIn, UNNAMED_ERROR } from './answer-error.ts';
import type { Endpoint } from './endpoints.ts';
import { type OutputEvidence, OutputSample } from './estimate-sample.ts';
import type { EventSkimmer, SkimmedEvents } from './event-skim/event-skimmer.ts';
import {
  firstElement,
  isObjectAt,
  MemberNames,
  membersAt,
  nestedMembersAt,
  objectOf,
  type Spans,
  textOf,
} from './json-spans.ts';
import { membersAtEnds } from './large-document.ts';
import { countsNoTokens, holdsNumber, normaliseUsage } from './normalise-usage.ts';
import { OutputItems } from './output-items.ts';
import { reportedCostUsd } from './reported-cost.ts';
import { EVENT_MEANINGS, type EventMeaning, MatterSearch } from './stream-events.ts';
import { mayHoldCalls, ToolCallCounter } from './tool-calls.ts';
import type { Usage } from './usage.ts';
import { UsageDetails } from './usage-details.ts';

/** What an answer says of itself, as far as it was read. */
export interface Finding {
  /** Null where the answer reports none, which is not zero. */
  readonly usage: Usage | null;
  /** The usage object as it stood. */
  readonly usageRaw: Record<string, unknown> | null;
  /** What the upstream says the call cost, a decimal string in USD. */
  readonly costReportedUsd: string | null;
  readonly upstreamId: string | null;
  readonly responseModel: string | null;
  readonly serviceTier: string | null;
  /** Code or type of the error in the answer, else `upstream_error`; null where there is none. */
  readonly errorCode: string | null;
  /** An error was seen: a top-level `error`, `event: error`, `response.failed`. */
  readonly failed: boolean;
  /** `status` of a Responses object: queued, in_progress, completed, incomplete, failed, cancelled. */
  readonly responseStatus: string | null;
  /** The end was announced: `[DONE]`, a terminal Responses event, the last event of an image or audio stream. */
  readonly sawEnd: boolean;
}

/** Members of an answer: of a JSON document, of a chat event, of the `response` in a Responses event. */
const ANSWER_MEMBERS = [
  'id',
  'model',
  'service_tier',
  'status',
  'usage',
  'error',
  'choices',
  'output',
  'svg_usage',
  'tool_usage',
  'copilot_usage',
  'x_groq',
] as const;
const WANTED_IN_ANSWER = new MemberNames(ANSWER_MEMBERS);
const WANTED_IN_EVENT = {
  wanted: new MemberNames([...ANSWER_MEMBERS, 'type', 'code', 'response', 'item']),
  innerName: 'response',
  innerWanted: WANTED_IN_ANSWER,
};
const ONLY_USAGE = new MemberNames(['usage']);

/** Usage that is reported beside `usage` and is no part of it; its integers go to `details`, under these names. */
const SIBLING_USAGES: readonly { readonly member: string; readonly prefix: string | undefined }[] = [
  { member: 'svg_usage', prefix: 'svg' },
  { member: 'tool_usage', prefix: undefined },
  { member: 'copilot_usage', prefix: 'copilot' },
];

/** Azure's first chunk names neither id nor model, image and audio streams never do: so many events are asked. */
const MAX_IDENTITY_LOOKS = 16;
/** Larger events are walked without a look at their text first, which would have to be made of all their bytes. */
const MAX_SEARCHED_BYTES = 65_536;

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;
const DONE = '[DONE]';
const OPEN_BRACKET = 0x5b;

/**
 * Reads one answer, whole or event by event, for what the ledger wants to know of it. It never throws: what cannot be
 * read says nothing.
 *
 * The last usage wins and nothing is summed (wire.md 0.1): upstreams repeat usage, send it running, or send zeros first.
 */
export class AnswerMeter {
  readonly #endpoint: Endpoint;
  readonly #matter: MatterSearch;
  #usageRaw: Record<string, unknown> | null = null;
  #costReportedUsd: string | null = null;
  #upstreamId: string | null = null;
  #responseModel: string | null = null;
  #serviceTier: string | null = null;
  #errorCode: string | null = null;
  #responseStatus: string | null = null;
  #sawEnd = false;
  #sawBeginning = false;
  #identityLooks = 0;
  /** The name of the last event that meant nothing by it: most have the same. */
  #plainName: string | null = null;
  #siblings: Map<string, Record<string, unknown>> | null = null;
  readonly #toolCalls = new ToolCallCounter();
  #items = new OutputItems();
  /** For an estimate; null where there will be none. */
  #sample: OutputSample | null;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#sample = OutputSample.for(endpoint);
    this.#matter = new MatterSearch(endpoint.asksForStreamUsage);
  }

  /** Reads a whole JSON answer. Bytes that are no JSON object leave the finding as it is. */
  readDocument(bytes: Buffer): void {
    this.#sample?.addDocument(bytes);
    const start = BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte) ? BYTE_ORDER_MARK.length : 0;
    const answer =
      (this.#hasNoToolCalls() ? membersAtEnds(bytes, start) : null) ?? membersAt(bytes, start, WANTED_IN_ANSWER);
    if (answer === null) return;
    this.#readAnswer(bytes, answer);
    this.#readUsage(bytes, usageIn(bytes, answer, null));
    this.#readError(errorCodeIn(bytes, answer.get('error')));
    const choices = answer.get('choices');
    if (choices && mayHoldCalls(bytes, choices)) this.#toolCalls.addMessages(bytes, choices.valueStart);
    this.#readOutput(bytes, answer);
  }

  /**
   * Reads one event of a stream. Most events cannot matter and cost one look.
   *
   * @param data the data lines joined by `\n`, without their `data:`
   * @param eventName the value of the `event:` line, if there is one
   * @returns `terminal` where the stream's own protocol ends here: `[DONE]`, or the last event of a response
   */
  readEvent(data: Buffer, eventName: string | null): 'more' | 'terminal' {
    if (data[0] === OPEN_BRACKET && data.toString('latin1', 0, DONE.length) === DONE) {
      this.#sawEnd = true;
      return 'terminal';
    }
    this.#sample?.addEvent(data, eventName);
    const named = eventName === null ? undefined : EVENT_MEANINGS.get(eventName);
    if (named === undefined && !this.#wantsIdentity() && !this.#matters(data)) return 'more';
    return this.#readEventMembers(data, named);
  }

  /**
   * Reads one event of which a glance tells that it has nothing but output.
   *
   * @param line its data
   * @returns false where it must be read by {@link readEvent}: then nothing has been read of it
   */
  skimEvent(line: ChunkSpan, eventName: string | null): boolean {
    if (line.text.charCodeAt(line.from) === OPEN_BRACKET || this.#wantsIdentity()) return false;
    if (line.to - line.from > MAX_SEARCHED_BYTES || !this.#isPlainName(eventName)) return false;
    if (this.#matter.mayBeIn(line)) return false;
    this.#sample?.addLine(line, eventName);
    return true;
  }

  /**
   * Passes, all together, events of a chat stream that have nothing but output.
   *
   * @param from where in the chunk the first of them begins
   * @param cutsNull whether they are to go on without their `"usage":null`, and only those that have it be passed
   * @returns null where the first must be read by itself: then nothing has been read of it
   */
  skimEvents(chunk: Buffer, from: number, { skimmer, cutsNull }: EventSkimming): SkimmedEvents | null {
    if (!this.#endpoint.asksForStreamUsage || this.#wantsIdentity()) return null;
    const skimmed = skimmer.skim(chunk, from, cutsNull);
    if (skimmed !== null) this.#sample?.addEvents(chunk, from, skimmed);
    return skimmed;
  }

  get finding(): Finding {
    return {
      usage: this.#usageRaw === null ? null : this.#canonicalUsage(this.#usageRaw),
      usageRaw: this.#usageRaw,
      costReportedUsd: this.#costReportedUsd,
      upstreamId: this.#upstreamId,
      responseModel: this.#responseModel,
      serviceTier: this.#serviceTier,
      errorCode: this.#errorCode,
      failed: this.#errorCode !== null,
      responseStatus: this.#responseStatus,
      sawEnd: this.#sawEnd,
    };
  }

  /** What was kept of the answer, from which its tokens may be estimated; null where usage is known, or never is. */
  get evidence(): OutputEvidence | null {
    return this.#sample?.evidence ?? null;
  }

  /** Tool calls that were seen. */
  get toolCalls(): number {
    return this.#toolCalls.count + this.#items.toolCalls;
  }

  #hasNoToolCalls(): boolean {
    return !this.#endpoint.asksForStreamUsage && !this.#endpoint.isResponses;
  }

  #wantsIdentity(): boolean {
    if (this.#upstreamId !== null && this.#responseModel !== null) return false;
    return this.#identityLooks < MAX_IDENTITY_LOOKS;
  }

  #isPlainName(name: string | null): boolean {
    if (name === this.#plainName) return true;
    if (name === null || EVENT_MEANINGS.has(name)) return name === null;
    this.#plainName = name;
    return true;
  }

  #matters(data: Buffer): boolean {
    return data.length > MAX_SEARCHED_BYTES || this.#matter.isIn(data);
  }

  #readEventMembers(data: Buffer, named: EventMeaning | undefined): 'more' | 'terminal' {
    this.#identityLooks++;
    const found = nestedMembersAt(data, 0, WANTED_IN_EVENT);
    if (found === null) {
      if (named?.isFailure) this.#readError(UNNAMED_ERROR); // Groq and others: `event: error` with plain text
      return 'more';
    }
    const { members: event, inner: response } = found;
    const type = textOf(data, event.get('type'));
    const meaning = (type === null ? undefined : EVENT_MEANINGS.get(type)) ?? named;
    // A typed event is about a part of an answer, and its `id`, if any, is that part's.
    if (response !== null || type === null) this.#readAnswer(data, response ?? event);
    this.#readSiblings(data, event);
    this.#readUsage(data, usageIn(data, event, response));
    this.#readEventError(data, { event, response, meaning });
    const choices = event.get('choices');
    if (choices) this.#toolCalls.addDeltas(data, choices.valueStart);
    const item = event.get('item');
    if (item && meaning?.isOutputItem) this.#items.add(data, item.valueStart);
    return this.#readMeaning(data, meaning, response);
  }

  #readMeaning(data: Buffer, meaning: EventMeaning | undefined, response: Spans | null): 'more' | 'terminal' {
    if (meaning?.isFirst) this.#sawBeginning = true;
    if (meaning?.isEnd) this.#sawEnd = true;
    if (!meaning?.isTerminal) return 'more';
    // The items have been counted one by one, unless the stream has none such or was joined in its middle.
    if (response !== null && (this.#items.count === 0 || !this.#sawBeginning)) this.#readOutput(data, response);
    return 'terminal';
  }

  /** What an answer says of itself. Its id is the first that is named, all else the last: tiers are settled late. */
  #readAnswer(bytes: Buffer, answer: Spans): void {
    this.#upstreamId ??= textOf(bytes, answer.get('id'));
    this.#responseModel = textOf(bytes, answer.get('model')) ?? this.#responseModel;
    this.#serviceTier = textOf(bytes, answer.get('service_tier')) ?? this.#serviceTier;
    if (this.#endpoint.isResponses) this.#responseStatus = textOf(bytes, answer.get('status')) ?? this.#responseStatus;
    this.#readSiblings(bytes, answer);
  }

  #readUsage(bytes: Buffer, place: MemberSpan | null): void {
    const raw = place === null ? null : objectOf(bytes, place);
    if (place === null || raw === null || !holdsNumber(raw)) return;
    if (this.#usageRaw !== null && countsNoTokens(raw) && !countsNoTokens(this.#usageRaw)) return;
    this.#usageRaw = raw;
    this.#sample?.drop();
    this.#sample = null;
    this.#costReportedUsd = reportedCostUsd(bytes, place, raw);
  }

  #readSiblings(bytes: Buffer, members: Spans): void {
    for (const { member } of SIBLING_USAGES) {
      const usage = objectOf(bytes, members.get(member));
      if (usage === null) continue;
      this.#siblings ??= new Map();
      this.#siblings.set(member, usage);
    }
  }

  #readOutput(bytes: Buffer, answer: Spans): void {
    const output = answer.get('output');
    // A compaction's output is made of items of earlier answers, which counted them.
    if (!output || !this.#endpoint.isResponses || this.#endpoint.name === 'responses/compact') return;
    const items = new OutputItems();
    items.addAll(bytes, output.valueStart);
    if (items.count >= this.#items.count) this.#items = items;
  }

  #readEventError(data: Buffer, { event, response, meaning }: EventParts): void {
    const code =
      errorCodeIn(data, event.get('error')) ?? (response === null ? null : errorCodeIn(data, response.get('error')));
    if (code !== null) this.#readError(code);
    // OpenAI's types have the code of an `error` event at its top, its wire inside `error` (wire.md 3.1).
    else if (meaning?.isFailure) this.#readError(codeText(data, event.get('code')) ?? UNNAMED_ERROR);
  }

  /** An answer may name its error twice; the first that has a name is kept. */
  #readError(code: string | null): void {
    if (code === null && this.#responseStatus === 'failed') this.#errorCode ??= UNNAMED_ERROR;
    if (code !== null && (this.#errorCode === null || this.#errorCode === UNNAMED_ERROR)) this.#errorCode = code;
  }

  #canonicalUsage(raw: Record<string, unknown>): Usage | null {
    const usage = normaliseUsage(raw, this.toolCalls);
    if (usage === null || (this.#siblings === null && this.#items.ownUsage === null)) return usage;
    return { ...usage, details: { ...this.#siblingDetails(), ...usage.details } };
  }

  /** The numbers of usage that is reported beside `usage`. Zeros are left out: most answers are full of them. */
  #siblingDetails(): Record<string, number> {
    const details = new UsageDetails();
    for (const { member, prefix } of SIBLING_USAGES) {
      const usage = this.#siblings?.get(member);
      if (usage) details.collectBeside(usage, prefix);
    }
    for (const [name, value] of Object.entries(this.#items.ownUsage ?? {})) details.add(name, value);
    return details.toObject();
  }
}

/** How events are passed together. */
export interface EventSkimming {
  readonly skimmer: EventSkimmer;
  readonly cutsNull: boolean;
}

interface EventParts {
  readonly event: Spans;
  readonly response: Spans | null;
  readonly meaning: EventMeaning | undefined;
}

/**
 * Where the usage is: in `usage`, in the event's `response`, else where Groq had it before (`x_groq.usage`, now beside
 * `usage`) or Moonshot once had it (`choices[0].usage`); wire.md 2.2. One place counts, the others repeat it.
 */
function usageIn(bytes: Buffer, answer: Spans, response: Spans | null): MemberSpan | null {
  return (
    ifObject(bytes, answer.get('usage')) ??
    ifObject(bytes, response?.get('usage')) ??
    usageInside(bytes, answer.get('x_groq')?.valueStart) ??
    usageInside(bytes, firstElement(bytes, answer.get('choices')?.valueStart))
  );
}

function usageInside(bytes: Buffer, objectStart: number | undefined): MemberSpan | null {
  if (objectStart === undefined) return null;
  return ifObject(bytes, membersAt(bytes, objectStart, ONLY_USAGE)?.get('usage'));
}

function ifObject(bytes: Buffer, span: MemberSpan | undefined): MemberSpan | null {
  return span !== undefined && isObjectAt(bytes, span.valueStart) ? span : null;
}
