import { arrayOrEmpty } from './json-value.ts';

/**
 * The token counts of one answer. Inclusive: cached and cache-write tokens are inside `input`, reasoning inside
 * `output`. What a dialect makes of them is in dialects.ts.
 */
export interface Counts {
  readonly input: number;
  readonly cached: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
}

/** The headers that set counts; null: not set. */
export interface CountSteering {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly cachedTokens: number | null;
  readonly cacheWriteTokens: number | null;
  readonly reasoningTokens: number | null;
}

/** What an answer costs before it is steered. */
export interface PlainCounts {
  readonly input: number;
  /** Content events of the answer: one token each. */
  readonly contentEvents: number;
}

const CHARACTERS_PER_TOKEN = 4;
const TOKENS_PER_MESSAGE = 3;

/**
 * The input rule (docs/simulator.md): the characters of the text, divided by four and rounded up, and three for each
 * message.
 *
 * @param characters UTF-16 code units, as `countCharacters` gives them
 */
export function inputTokens(characters: number, messages: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN) + TOKENS_PER_MESSAGE * messages;
}

/**
 * The length of all string values within a JSON value, at any depth; keys, numbers and the rest count nothing.
 * Walks with a stack of its own, so that deep nesting cannot overflow.
 */
export function countCharacters(value: unknown): number {
  if (typeof value === 'string') return value.length;
  let characters = 0;
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === 'string') characters += next.length;
    else if (Array.isArray(next)) for (const item of next) waiting.push(item);
    else if (typeof next === 'object' && next !== null) for (const item of Object.values(next)) waiting.push(item);
  }
  return characters;
}

/** Prompts and embedding inputs may be token ids: an integer is a token. */
export function countTokenIds(value: unknown): number {
  let tokens = 0;
  for (const item of arrayOrEmpty(value)) {
    if (typeof item === 'number') tokens++;
    else for (const nested of arrayOrEmpty(item)) if (typeof nested === 'number') tokens++;
  }
  return tokens;
}

/** Applies the headers that set counts. Without them: output = content events + reasoning tokens. */
export function steerCounts(plain: PlainCounts, steering: CountSteering): Counts {
  const reasoning = steering.reasoningTokens ?? 0;
  return {
    input: steering.inputTokens ?? plain.input,
    cached: steering.cachedTokens ?? 0,
    cacheWrite: steering.cacheWriteTokens ?? 0,
    output: steering.outputTokens ?? plain.contentEvents + reasoning,
    reasoning,
  };
}

/** The counts as they stand after some content events of a stream, for dialects that tell running usage. */
export function countsSoFar(final: Counts, contentEvents: number): Counts {
  return { ...final, output: Math.min(final.output, final.reasoning + contentEvents) };
}
