import { MetertapError } from '../core/errors.ts';
import { readMoment } from './moment.ts';

/** Longer than any id, model name or cursor of ours. */
const MAX_VALUE_LENGTH = 2_048;
const MAX_VALUES = 200;
const LONGEST_RANGE_MS = 3_653 * 86_400_000;

interface Spelled {
  readonly values: string[];
  /** Given once and without brackets, so that commas in it part values. */
  isPlain: boolean;
}

/**
 * The query of a management route, read with one rule for every route: unknown names, empty values and values that do
 * not fit are refused with `invalid_parameter` and a message that says what is allowed.
 */
export class QueryParameters {
  readonly #given: ReadonlyMap<string, Spelled>;
  readonly #prefixes: readonly string[];

  /**
   * @param query as the HTTP server gives it: texts, or lists of texts where a name came more than once
   * @param allowed the names that the route knows
   * @param prefixes names that begin so are known too
   */
  constructor(query: unknown, allowed: readonly string[], prefixes: readonly string[] = []) {
    this.#given = spelledValues(query);
    this.#prefixes = prefixes;
    for (const name of this.#given.keys()) {
      if (allowed.includes(name) || prefixes.some((prefix) => name.startsWith(prefix))) continue;
      const names = [...allowed, ...prefixes.map((prefix) => `${prefix}NAME`)].join(', ');
      throw invalid(name, `Unknown query parameter ${JSON.stringify(name)}. Allowed: ${names}.`);
    }
  }

  /** The names that were given and begin with one of the prefixes. */
  prefixed(): readonly string[] {
    return [...this.#given.keys()].filter((name) => this.#hasPrefix(name));
  }

  #hasPrefix(name: string): boolean {
    return this.#prefixes.some((prefix) => name.startsWith(prefix));
  }

  /** One text; null where the parameter is absent. */
  text(name: string): string | null {
    const values = this.#given.get(name)?.values ?? [];
    if (values.length > 1) throw invalid(name, `${name} may be given once only.`);
    return values[0] ?? null;
  }

  /**
   * A list in any of the spellings `a=x&a=y`, `a=x,y`, `a[]=x` and `a[0]=x` (standards.md 1.3). A value that has a
   * comma in it is written with brackets, where commas part nothing. Repeated values count once.
   */
  list(name: string): readonly string[] {
    const spelled = this.#given.get(name);
    if (spelled === undefined) return [];
    const values = spelled.isPlain ? spelled.values.flatMap((value) => value.split(',')) : spelled.values;
    if (values.includes('')) throw invalid(name, `${name} has an empty value in its list.`);
    if (values.length > MAX_VALUES) throw invalid(name, `${name} takes at most ${MAX_VALUES} values.`);
    return [...new Set(values)];
  }

  /** One of a few words; null where the parameter is absent. */
  choice<Word extends string>(name: string, words: readonly Word[]): Word | null {
    const text = this.text(name);
    return text === null ? null : wordOf(name, text, words);
  }

  /** A list of words out of a few, in any of the spellings, mixed too: the words have no commas. */
  choices<Word extends string>(name: string, words: readonly Word[]): readonly Word[] {
    const texts = this.list(name).flatMap((text) => text.split(','));
    return [...new Set(texts.map((text) => wordOf(name, text, words)))];
  }

  /** The same, and apart from it values that begin with one of the prefixes. */
  choicesOrPrefixed<Word extends string>(
    name: string,
    words: readonly Word[],
  ): { readonly words: readonly Word[]; readonly prefixed: readonly string[] } {
    const texts = this.list(name).flatMap((text) => text.split(','));
    const [prefixed, others] = [true, false].map((is) => texts.filter((text) => this.#hasPrefix(text) === is));
    const allowed = [...words, ...this.#prefixes.map((prefix) => `${prefix}NAME`)];
    const chosen = (others ?? []).map((text) => wordOf(name, text, words, allowed));
    return { words: [...new Set(chosen)], prefixed: [...new Set(prefixed)] };
  }

  /** A moment in milliseconds since the Unix epoch; null where the parameter is absent. */
  moment(name: string): number | null {
    const text = this.text(name);
    if (text === null) return null;
    const moment = readMoment(text);
    if (moment !== null) return moment;
    throw invalid(name, `${name} must be an ISO 8601 time such as 2026-11-22T03:46:32Z, or Unix seconds.`);
  }

  /** A page's size. */
  limit(bounds: { readonly fallback: number; readonly max: number }): number {
    const text = this.text('limit');
    if (text === null) return bounds.fallback;
    const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (limit >= 1 && limit <= bounds.max) return limit;
    throw invalid('limit', `limit must be a whole number from 1 to ${bounds.max}.`);
  }

  /** `start_time` and `end_time`, each null where absent. */
  range(): { readonly startMs: number | null; readonly endMs: number | null } {
    const startMs = this.moment('start_time');
    const endMs = this.moment('end_time');
    if (startMs !== null && endMs !== null) checkRange(startMs, endMs);
    return { startMs, endMs };
  }

  /** The same, of any length: for what is streamed. */
  longRange(): { readonly startMs: number | null; readonly endMs: number | null } {
    const startMs = this.moment('start_time');
    const endMs = this.moment('end_time');
    if (startMs !== null && endMs !== null) checkOrder(startMs, endMs);
    return { startMs, endMs };
  }
}

/** Refuses ranges that are empty, run backwards or are longer than ten years. */
export function checkRange(startMs: number, endMs: number): void {
  checkOrder(startMs, endMs);
  if (endMs - startMs > LONGEST_RANGE_MS) {
    throw invalid('start_time', 'The range from start_time to end_time may be ten years at most.');
  }
}

function checkOrder(startMs: number, endMs: number): void {
  if (startMs < endMs) return;
  throw invalid('start_time', 'start_time must be before end_time; start_time is inclusive, end_time exclusive.');
}

function spelledValues(query: unknown): Map<string, Spelled> {
  const given = new Map<string, Spelled>();
  if (typeof query !== 'object' || query === null) return given;
  for (const [spelling, value] of Object.entries(query)) {
    const name = spelling.replace(/\[\d{0,4}\]$/, '');
    const values: unknown[] = Array.isArray(value) ? value : [value];
    const spelled = given.get(name);
    const isPlain = values.length === 1 && spelling === name && spelled === undefined;
    const texts = values.map((item) => checkedText(name, item));
    if (spelled === undefined) given.set(name, { values: texts, isPlain });
    else {
      spelled.values.push(...texts);
      spelled.isPlain = false;
    }
  }
  return given;
}

function checkedText(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') {
    throw invalid(name, `${name} must not be empty; leave the parameter out instead.`);
  }
  if (value.length > MAX_VALUE_LENGTH) {
    throw invalid(name, `${name} may have ${MAX_VALUE_LENGTH} characters at most.`);
  }
  return value;
}

function wordOf<Word extends string>(
  name: string,
  text: string,
  words: readonly Word[],
  allowed: readonly string[] = words,
): Word {
  const word = words.find((candidate) => candidate === text);
  if (word !== undefined) return word;
  throw invalid(name, `${name} cannot be ${JSON.stringify(text)}. Allowed: ${allowed.join(', ')}.`);
}

function invalid(param: string, message: string): MetertapError {
  return new MetertapError('invalid_parameter', message, { param });
}
