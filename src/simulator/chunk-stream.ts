import type { Dialect } from './dialects.ts';
import type { JsonObject } from './json-value.ts';
import type { Steering } from './steering.ts';
import { type Counts, countsSoFar } from './usage.ts';
import type { UsageShape } from './usage-shapes.ts';

/** One event of a chat or completions stream, before usage and framing. */
export interface ChunkStep {
  /** The JSON text of `choices`. */
  readonly choices: string;
  /** Content events of this choice so far, this one included: what running usage tells. */
  readonly contentEvents: number;
  /** Whether this is the event that closes the last choice. */
  readonly last: boolean;
}

export interface ChunkStream {
  readonly endpoint: 'chat' | 'completions';
  readonly dialect: Dialect;
  readonly steering: Steering;
  /** `id`, `object`, `created` and `model` of every chunk. */
  readonly identity: JsonObject;
  readonly steps: Iterable<ChunkStep>;
  readonly counts: Counts;
  /** The request's `stream_options`. */
  readonly options: JsonObject;
  /** A JSON object that OpenAI sends in an event after the usage event; null for none. */
  readonly moderation: JsonObject | null;
}

/** The events of a stream as they go over the wire, with the error that `x-sim-error-in-stream` asks for. */
export function streamEvents(stream: ChunkStream): Iterable<string> {
  const after = stream.steering.errorInStream;
  const events = chunkEvents(stream);
  return after === null ? events : eventsUntilError(events, stream, after);
}

/**
 * Writes a stream of chunks as one dialect does: which events bear `usage`, what the others have in its place, how the
 * stream ends (wire.md 2.1, 2.2).
 */
function* chunkEvents(stream: ChunkStream): Generator<string> {
  const { dialect, steering } = stream;
  const frame = framing(dialect, steering);
  const parts = chunkParts(stream);

  let before = ': SIMULATOR PROCESSING'.concat(frame.end).repeat(dialect.comments);
  if (dialect.firstEvent !== null) {
    yield `${before}data: ${dialect.firstEvent}${frame.end}`;
    before = '';
  }

  let firstMembers = membersText(dialect.firstMembers);
  let finishChoices = '[]';
  for (const step of stream.steps) {
    const extra = step.last ? parts.finishMembers : firstMembers;
    const usage = step.last ? parts.finishUsage : parts.usageOn(step);
    yield `${before}data: ${parts.head}${step.choices}${usage}${extra}${parts.tail}${frame.end}`;
    before = '';
    firstMembers = '';
    if (step.last) finishChoices = step.choices;
  }

  if (parts.extraUsage !== null) {
    const choices = dialect.extraChoices === 'empty' ? '[]' : finishChoices;
    yield `data: ${parts.head}${choices}${parts.extraUsage}${parts.extraMembers}${parts.tail}${frame.end}`;
  }
  if (stream.moderation !== null) {
    const moderation = `,"moderation":${JSON.stringify(stream.moderation)}`;
    yield `data: ${parts.head}[]${moderation}${parts.quiet}${parts.tail}${frame.end}`;
  }
  if (dialect.done && !steering.noDone) yield `data: [DONE]${frame.end}`;
}

/** The events up to the given number, and then the dialect's error event in the place of the rest. */
function* eventsUntilError(events: Iterable<string>, stream: ChunkStream, after: number): Generator<string> {
  let sent = 0;
  for (const event of events) {
    if (sent++ >= after) break;
    yield event;
  }
  const { end, lineEnd } = framing(stream.dialect, stream.steering);
  const error = { message: STREAM_ERROR_MESSAGE, type: 'server_error', param: null, code: 'server_error' };
  if (stream.dialect.streamError === 'with_usage') {
    const usage = usageShape(stream)(stream.counts);
    yield `data: ${JSON.stringify({ ...stream.identity, error: { ...error, code: 502 }, choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }], usage })}${end}`;
    return;
  }
  const event = stream.dialect.streamError === 'event' ? `event: error${lineEnd}` : '';
  yield `${event}data: ${JSON.stringify({ error })}${end}`;
}

export const STREAM_ERROR_MESSAGE = 'The server had an error while processing your request. Sorry about that!';

interface ChunkParts {
  /** Everything up to the value of `choices`. */
  readonly head: string;
  /** Everything after `usage`, the closing brace included. */
  readonly tail: string;
  /** The member in the place of usage on events that have none. */
  readonly quiet: string;
  readonly usageOn: (step: ChunkStep) => string;
  readonly finishUsage: string;
  readonly finishMembers: string;
  readonly extraUsage: string | null;
  readonly extraMembers: string;
}

function chunkParts(stream: ChunkStream): ChunkParts {
  const { dialect, counts, options } = stream;
  const told = tellsUsage(stream);
  const running = told && (dialect.running === 'always' || (dialect.running === 'if_asked' && asksContinuous(options)));
  const final = usageMember(stream, counts);
  const shown = told && !stream.steering.noUsage;
  const onFinish = dialect.place === 'finish_event';
  const quiet = told ? quietMember(stream) : '';
  const lastMembers = membersText(dialect.lastMembers(counts, shown));
  const extraEvent = shown && !onFinish;
  const identity = dialect.anonymous ? { ...stream.identity, id: '', created: 0 } : stream.identity;
  const hasPadding = dialect.obfuscation && options['include_obfuscation'] !== false;

  return {
    head: `${JSON.stringify({ ...identity, ...dialect.members }).slice(0, -1)},"choices":`,
    tail: hasPadding ? ',"obfuscation":"simulator"}' : '}',
    quiet,
    usageOn: running ? (step) => usageMember(stream, countsSoFar(counts, step.contentEvents)) : () => quiet,
    finishUsage: shown && (onFinish || running) ? final : quiet,
    finishMembers: extraEvent ? '' : lastMembers,
    extraUsage: extraEvent ? final : null,
    extraMembers: lastMembers,
  };
}

/** Whether this stream tells usage: the column "needs include_usage?" of wire.md 2.2. */
function tellsUsage({ dialect, options }: ChunkStream): boolean {
  if (dialect.streamUsage === 'asked') return options['include_usage'] === true;
  return dialect.streamUsage === 'always';
}

function asksContinuous(options: JsonObject): boolean {
  return options['continuous_usage_stats'] === true;
}

function quietMember(stream: ChunkStream): string {
  const { dialect, endpoint } = stream;
  const others = endpoint === 'chat' ? dialect.otherEvents : dialect.otherCompletionEvents;
  if (others === 'null') return ',"usage":null';
  if (others === 'omitted') return '';
  return usageMember(stream, { ...stream.counts, input: 0, output: 0 });
}

function usageShape({ dialect, endpoint }: ChunkStream): UsageShape {
  return endpoint === 'chat' ? dialect.chatUsage : dialect.completionsUsage;
}

function usageMember(stream: ChunkStream, counts: Counts): string {
  return `,"usage":${JSON.stringify(usageShape(stream)(counts))}`;
}

/** Members as they are appended within an object: each with its comma before it. */
function membersText(members: JsonObject): string {
  const text = JSON.stringify(members).slice(1, -1);
  return text === '' ? '' : `,${text}`;
}

/** The line end of a stream, and what ends each of its events. */
export function framing(dialect: Dialect, steering: Steering): { readonly lineEnd: string; readonly end: string } {
  const lineEnd = steering.crlf ? '\r\n' : dialect.lineEnd;
  return { lineEnd, end: lineEnd + lineEnd };
}
