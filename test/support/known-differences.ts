import type { Sides } from './side-by-side.ts';
import { decoded } from './told-usage.ts';
import { headerOf, type WireAnswer } from './wire-exchange.ts';

/**
 * Where an answer through Metertap is knowingly not byte for byte the one without it: why, and what exactly the client
 * gets instead. Whatever is not in this table must be the same.
 */
export interface KnownDifference {
  readonly reason: string;
  readonly applies: (sides: Sides, dialect: string) => boolean;
  /** What the client gets, made of the answer without Metertap (as earlier rows have left it). */
  readonly expected: (answer: WireAnswer, sides: Sides) => WireAnswer;
}

/** They tell usage to those who do not ask too, on an event that looks as if it came of asking. */
const TELLS_UNASKED = new Set(['huggingface', 'vllm-force']);
/** They tell it on events with choices to those who ask, with nothing on the other events that would give it away. */
const TELLS_ASKED_ON_CHOICES = new Set(['gemini', 'moonshot', 'zai']);
/** As these, but other events have a null in its place; a stream of the finish event alone has none. */
const SHOWS_NULL_FIRST = new Set(['deepseek', 'together']);
const REJECTS_ASKING = new Set(['mistral', 'cohere']);

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    reason: 'a stream that must be edited is decoded, where the upstream compresses although it is asked not to',
    applies: (sides, dialect) => isEdited(sides, dialect) && headerOf(sides.direct, 'content-encoding') !== null,
    expected: (answer) => ({
      ...answer,
      headers: answer.headers.filter(([name]) => name !== 'content-encoding'),
      body: decoded(answer),
    }),
  },
  {
    reason: 'the choiceless usage event of an upstream that is not known to send it unasked is taken for ours',
    applies: (sides, dialect) => isEdited(sides, dialect) && TELLS_UNASKED.has(dialect),
    expected: (answer) => edited(answer, /data: \{[^\n]*"choices":\[\],"usage":\{[^\n]*\n\r?\n/g),
  },
  {
    reason: 'timings move from the finish event to the usage event when a stream is asked for usage',
    applies: (sides, dialect) => isEdited(sides, dialect) && dialect === 'llamacpp' && sides.told !== null,
    expected: (answer) => edited(answer, /,"timings":\{[^}]*\}/g),
  },
  {
    reason: 'usage beside choices may come unasked from an unknown upstream, and is then not ours to hide',
    applies: (sides, dialect) =>
      isEdited(sides, dialect) &&
      (TELLS_ASKED_ON_CHOICES.has(dialect) || (SHOWS_NULL_FIRST.has(dialect) && hasOnlyFinishEvent(sides))),
    expected: (answer, { asked }) => ({ ...answer, body: asked === null ? answer.body : decoded(asked) }),
  },
];

/** The rows that apply to an answer. */
export function knownDifferencesOf(sides: Sides, dialect: string): KnownDifference[] {
  return KNOWN_DIFFERENCES.filter((row) => row.applies(sides, dialect));
}

/** What the client gets through Metertap: the answer without it, but for the rows that apply. */
export function expectedAnswer(sides: Sides, dialect: string): WireAnswer {
  return knownDifferencesOf(sides, dialect).reduce((answer, row) => row.expected(answer, sides), sides.direct);
}

/** Whether Metertap has asked this stream for usage in the client's place, and takes the effect of it out again. */
function isEdited({ request, direct }: Sides, dialect: string): boolean {
  const isStream = headerOf(direct, 'content-type')?.startsWith('text/event-stream') === true;
  return request.asked !== null && isStream && !REJECTS_ASKING.has(dialect);
}

function hasOnlyFinishEvent({ direct }: Sides): boolean {
  return (
    decoded(direct)
      .toString('utf8')
      .match(/^data: \{/gm)?.length === 1
  );
}

function edited(answer: WireAnswer, removed: RegExp): WireAnswer {
  return { ...answer, body: Buffer.from(answer.body.toString('latin1').replace(removed, ''), 'latin1') };
}
