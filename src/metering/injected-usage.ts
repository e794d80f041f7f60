import type { ChunkSpan } from '../core/chunk-span.ts';
import { findMember, type MemberSpan } from '../core/json-members.ts';
import { lastBefore, skipSpace } from '../core/json-strings.ts';
import { trailingMember } from './json-ends.ts';
import { firstElement, isObjectAt, MemberNames, membersAt, objectOf } from './json-spans.ts';
import { countsNoTokens } from './normalise-usage.ts';

/** What to do with an event: give it, withhold it whole, or give it without the bytes from `from` up to `to`. */
export type HidingVerdict =
  | { readonly kind: 'keep' }
  | { readonly kind: 'withhold' }
  | { readonly kind: 'cut'; readonly from: number; readonly to: number };

export interface HiderOptions {
  /** The upstream sends the usage to those who do not ask as well: nothing is hidden. */
  readonly upstreamAnswersUnasked?: boolean;
  /** Usage on an event with choices is always an effect of asking (wire.md 2.2: Gemini). */
  readonly usageOnlyWhenAsked?: boolean;
  /**
   * The client is to see the usage that ends a stream, and only the running usage was asked for in its place: that
   * which stands beside choices (wire.md 2.2: vLLM's `continuous_usage_stats`).
   */
  readonly runningOnly?: boolean;
}

const KEEP: HidingVerdict = { kind: 'keep' };
const WITHHOLD: HidingVerdict = { kind: 'withhold' };

const USAGE_KEY = Buffer.from('"usage"');
/** Members for which an event without choices is sent even where no usage is asked for (wire.md 2.1, 2.2). */
const MEANINGFUL_MEMBERS = ['moderation', 'error', 'prompt_filter_results'] as const;
const WANTED = new MemberNames(['choices', ...MEANINGFUL_MEMBERS]);

/** What an event has that nobody asked for, with the comma before it: of its end alone it can be told that this is a member. */
const NULL_MEMBER = Buffer.from(',"usage":null');
const USAGE_LETTERS = 5;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LOWER_N = 0x6e;

/**
 * Hides from a client that did not ask for stream usage what comes only because Metertap asked in its place
 * (design.md, promise 1; wire.md 0.6): the event that holds nothing but usage, and the `"usage":null` in all others.
 * One of these goes with one stream, as later events are judged by what earlier ones showed.
 *
 * What stays is byte for byte what an upstream sends that was not asked. Usage that comes unasked stays too: on an
 * event with choices it is taken for an effect of asking only where the stream has shown null or zeros in its place.
 */
export class InjectedUsageHider {
  readonly #keepsAll: boolean;
  readonly #runningOnly: boolean;
  #isEffectOfAsking: boolean;
  readonly #cut = { kind: 'cut' as const, from: 0, to: 0 };

  constructor(options: HiderOptions = {}) {
    this.#keepsAll = options.upstreamAnswersUnasked === true;
    this.#runningOnly = options.runningOnly === true;
    this.#isEffectOfAsking = options.usageOnlyWhenAsked === true || this.#runningOnly;
  }

  /**
   * Judges one event. Data that is no object is kept; one that begins and ends as an object is taken for valid JSON.
   *
   * @param data the event's data lines joined by `\n`; the span of a cut counts from its first byte
   */
  judge(data: Buffer): HidingVerdict {
    if (this.#keepsAll) return KEEP;
    const usage = trailingMember(data, USAGE_KEY, () => findMember(data, 0, 'usage'));
    return usage === null || !isObjectAt(data, skipSpace(data, 0)) ? KEEP : this.#judgeUsage(data, usage);
  }

  /**
   * Judges one event by its last bytes, where they end in `,"usage":null}` or have one plain string member after it, as
   * OpenAI's have. Null where they do not, or more must be known: then {@link judge} has to be asked.
   */
  glance(line: ChunkSpan): HidingVerdict | null {
    if (this.#keepsAll || this.#runningOnly) return null;
    const { chunk, from } = line;
    const end = line.to - 1;
    if (chunk[from] !== OPEN_BRACE || chunk[end] !== CLOSE_BRACE) return null;
    const to = chunk[end - 1] === QUOTE ? beforeStringMember(line, end) : end;
    const at = to - NULL_MEMBER.length;
    if (at <= from || !isNullMemberAt(chunk, at)) return null;
    this.#isEffectOfAsking = true;
    this.#cut.from = at - from;
    this.#cut.to = to - from;
    return this.#cut;
  }

  /** Whether events are given without a usage that is null at their end, whatever else they hold. */
  get cutsNull(): boolean {
    return !this.#keepsAll && !this.#runningOnly;
  }

  /** Takes note of events that were given without it. */
  noteCut(): void {
    this.#isEffectOfAsking = true;
  }

  #judgeUsage(data: Buffer, usage: MemberSpan): HidingVerdict {
    if (isNullAt(data, usage.valueStart)) {
      if (this.#runningOnly) return KEEP;
      this.#isEffectOfAsking = true;
      return cutOf(data, usage);
    }
    if (!isObjectAt(data, usage.valueStart)) return KEEP;
    const event = membersAt(data, 0, WANTED);
    if (event === null) return KEEP;
    const choices = event.get('choices');
    const hasChoices = choices !== undefined && firstElement(data, choices.valueStart) !== undefined;
    if (hasChoices) return this.#judgeOnChoices(data, usage);
    if (this.#runningOnly) return KEEP;
    return MEANINGFUL_MEMBERS.some((name) => saysSomething(data, event.get(name))) ? cutOf(data, usage) : WITHHOLD;
  }

  #judgeOnChoices(data: Buffer, usage: MemberSpan): HidingVerdict {
    if (!this.#isEffectOfAsking) {
      const raw = objectOf(data, usage);
      if (raw === null || !countsNoTokens(raw)) return KEEP;
      this.#isEffectOfAsking = true; // zeros that stand in for the usage to come, as in Ollama's completions
    }
    return cutOf(data, usage);
  }
}

/**
 * The bytes to take out with a member so that the rest is as if it had never been written: with the comma before it,
 * or, if it is the first, the comma and the space after it.
 */
function cutOf(data: Buffer, member: MemberSpan): HidingVerdict {
  const before = lastBefore(data, member.keyStart);
  if (data[before] === COMMA) return { kind: 'cut', from: before, to: member.valueEnd };
  const after = skipSpace(data, member.valueEnd);
  if (data[after] === COMMA) return { kind: 'cut', from: member.keyStart, to: skipSpace(data, after + 1) };
  return { kind: 'cut', from: before + 1, to: after };
}

/**
 * Index of the comma before the member `,"key":"value"` that ends at `end`; -1 where no such stands there, where key or
 * value have a quote or an escape in them, or the key may be the usage's.
 */
function beforeStringMember({ chunk, from }: ChunkSpan, end: number): number {
  const value = openingQuote(chunk, end - 2, from);
  if (value < 0 || chunk[value - 1] !== COLON || chunk[value - 2] !== QUOTE) return -1;
  const key = openingQuote(chunk, value - 3, from);
  if (key < 0 || chunk[key - 1] !== COMMA) return -1;
  return value - 3 - key === USAGE_LETTERS ? -1 : key - 1;
}

/** Index of the last quote before `at` or at it, and not before `from`; -1 if there is none or a backslash comes first. */
function openingQuote(chunk: Buffer, at: number, from: number): number {
  for (let index = at; index >= from; index--) {
    const byte = chunk[index];
    if (byte === QUOTE) return index;
    if (byte === BACKSLASH) return -1;
  }
  return -1;
}

/** For so few bytes a loop is faster than a search, and bytes are read faster than a text's characters. */
function isNullMemberAt(chunk: Buffer, at: number): boolean {
  for (let i = 0; i < NULL_MEMBER.length; i++) if (chunk[at + i] !== NULL_MEMBER[i]) return false;
  return true;
}

/** Of JSON's values only null begins with an n. */
function isNullAt(data: Buffer, at: number): boolean {
  return data[at] === LOWER_N;
}

/** Whether the member is there with more than null or an empty array. */
function saysSomething(data: Buffer, member: MemberSpan | undefined): boolean {
  if (member === undefined || isNullAt(data, member.valueStart)) return false;
  return data[member.valueStart] !== OPEN_BRACKET || firstElement(data, member.valueStart) !== undefined;
}
