import type { ChunkSpan } from '../core/chunk-span.ts';

/** What an event of a stream means to the meter, by its type (wire.md 1.2 and 3.1). */
export interface EventMeaning {
  /** Nothing more can follow: the record may be sealed. */
  readonly isTerminal?: true;
  /** The answer is whole, even if bytes follow. */
  readonly isEnd?: true;
  readonly isFailure?: true;
  readonly isOutputItem?: true;
  readonly isFirst?: true;
}

/** Types that are not in this table may still carry usage, but mean nothing else. */
export const EVENT_MEANINGS: ReadonlyMap<string, EventMeaning> = new Map<string, EventMeaning>([
  ['response.created', { isFirst: true }],
  ['response.output_item.done', { isOutputItem: true }],
  ['response.completed', { isTerminal: true, isEnd: true }],
  ['response.incomplete', { isTerminal: true, isEnd: true }],
  ['response.failed', { isTerminal: true, isEnd: true, isFailure: true }],
  ['error', { isFailure: true }], // `response.failed` follows it
  ['image_generation.completed', { isEnd: true }],
  ['image_edit.completed', { isEnd: true }],
  ['transcript.text.done', { isEnd: true }],
  ['speech.audio.done', { isEnd: true }],
]);

/**
 * V8 compiles a regular expression for the text that it meets: it counts the characters in the middle of that one, and by
 * them decides whether the search may skip. Compiled for a short event full of quotes it reads every character of all
 * later ones, four times as slowly; for words it skips. First it compiles to bytecode, at the second text to machine code.
 */
const WORDS = 'The quick brown fox jumps over the lazy dog. '.repeat(4);

/** Has the expression compiled for good, and gives it back. */
function compiled(pattern: RegExp): RegExp {
  for (let text = 0; text < 2; text++) {
    pattern.lastIndex = 0;
    pattern.test(WORDS);
  }
  return pattern;
}

/**
 * Tells the events that can matter from the many that cannot, in one look at their text. A member with the value null
 * does not matter: OpenAI's chat streams have `"usage":null` in every event. A `"name"` is where a tool call begins.
 * Measured on an ordinary chunk of 330 bytes: 0.1 µs with the text, 0.05 µs if a text holds many events; 0.8 µs for three
 * searches in the buffer, 0.8 µs to parse it.
 */
const CHAT_EVENT_MATTERS = compiled(/"(?:usage|error|name)"\s*:\s*[^\sn]/g);

/** The same for streams of typed events: Responses, images, audio. */
const TYPED_EVENT_MATTERS = compiled(
  new RegExp(
    `"(?:usage|error)"\\s*:\\s*[^\\sn]|"type"\\s*:\\s*"(?:${[...EVENT_MEANINGS.keys()].map(escaped).join('|')})"`,
    'g',
  ),
);

/** Finds, in the text of events of a stream, where something begins that can matter. */
export class MatterSearch {
  readonly #pattern: RegExp;
  #chunkNumber = -1;
  #next = -1;

  /** @param isChat whether it is a stream of chat or completions, and not of typed events */
  constructor(isChat: boolean) {
    this.#pattern = isChat ? CHAT_EVENT_MATTERS : TYPED_EVENT_MATTERS;
  }

  /** Whether this data can matter. */
  isIn(data: Buffer): boolean {
    return this.#find(data.toString('latin1', 0, data.length), 0) >= 0;
  }

  /**
   * Whether this line may matter; events that surely do not are most. The lines of a chunk must be asked for in order:
   * its text is searched once for all of them.
   */
  mayBeIn({ text, from, to, chunkNumber }: ChunkSpan): boolean {
    if (this.#chunkNumber !== chunkNumber || (this.#next >= 0 && this.#next < from)) {
      this.#chunkNumber = chunkNumber;
      this.#next = this.#find(text, from);
    }
    return this.#next >= 0 && this.#next < to;
  }

  /** The pattern's own place to begin at is set for each search, so that it can be shared. */
  #find(text: string, from: number): number {
    this.#pattern.lastIndex = from;
    return this.#pattern.exec(text)?.index ?? -1;
  }
}

function escaped(type: string): string {
  return type.replaceAll('.', '\\.');
}
