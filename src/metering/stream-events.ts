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
 * Tells the events that can matter from the many that cannot, in one look at an event's text. A member with the value
 * null does not matter: OpenAI's chat streams have `"usage":null` in every event. A `"name"` is where a tool call
 * begins. Measured on an ordinary chunk of 330 bytes: 0.1 µs with the text, 0.8 µs for three searches in the buffer,
 * 0.8 µs to parse it.
 */
export const CHAT_EVENT_MATTERS = /"(?:usage|error|name)"\s*:\s*[^\sn]/;

/** The same for streams of typed events: Responses, images, audio. */
export const TYPED_EVENT_MATTERS = new RegExp(
  `"(?:usage|error)"\\s*:\\s*[^\\sn]|"type"\\s*:\\s*"(?:${[...EVENT_MEANINGS.keys()].map(escaped).join('|')})"`,
);

function escaped(type: string): string {
  return type.replaceAll('.', '\\.');
}
