import { STREAM_ERROR_MESSAGE } from './chunk-stream.ts';
import type { JsonObject } from './json-value.ts';
import {
  functionCallItem,
  functionItemId,
  messageItem,
  outputItems,
  type ResponseRun,
  type ResponseStatus,
  reasoningItem,
  responseObject,
  textPart,
} from './response-run.ts';

/** How the events of one stream are written. */
export interface EventWriting {
  readonly lineEnd: string;
  /** Only events with a greater `sequence_number` are given; -1 for all. */
  readonly startingAfter: number;
  /** The error event comes in the place of the event of this number; null for none. */
  readonly errorInStream: number | null;
  readonly noDone: boolean;
}

/** An event's type and the JSON text of its members after `sequence_number`. */
type Event = readonly [type: string, members: string];

/** Writes the events of a response as OpenAI sends them (wire.md 3.1). No `[DONE]`, but for dialects that have it. */
export function* responseEvents(run: ResponseRun, writing: EventWriting): Generator<string> {
  const { lineEnd, errorInStream } = writing;
  let sequence = 0;
  for (const event of withError(events(run), run, errorInStream)) {
    const number = sequence++;
    if (number <= writing.startingAfter) continue;
    const [type, members] = event;
    yield `event: ${type}${lineEnd}data: {"type":"${type}","sequence_number":${number},${members}}${lineEnd}${lineEnd}`;
  }
  if (run.dialect.responsesDone && !writing.noDone) yield `data: [DONE]${lineEnd}${lineEnd}`;
}

function* withError(all: Iterable<Event>, run: ResponseRun, after: number | null): Generator<Event> {
  let sent = 0;
  for (const event of all) {
    if (after !== null && sent++ >= after) {
      const error = { type: 'server_error', code: 'server_error', message: STREAM_ERROR_MESSAGE, param: null };
      yield ['error', `"error":${JSON.stringify(error)}`];
      yield responseEvent('response.failed', run, 'failed');
      return;
    }
    yield event;
  }
}

function* events(run: ResponseRun): Generator<Event> {
  yield responseEvent('response.created', run, run.background ? 'queued' : 'in_progress');
  if (run.background) yield responseEvent('response.queued', run, 'queued');
  yield responseEvent('response.in_progress', run, 'in_progress');
  let outputIndex = 0;
  if (run.counts.reasoning > 0) {
    yield itemEvent('added', outputIndex, reasoningItem(run));
    yield itemEvent('done', outputIndex, reasoningItem(run));
    outputIndex++;
  }
  if (run.plan.kind === 'text') yield* textEvents(run, run.plan.pieces, outputIndex);
  else yield* callEvents(run, outputIndex);
  yield responseEvent(`response.${run.end}`, run, run.end);
}

function* textEvents(run: ResponseRun, pieces: readonly string[], outputIndex: number): Generator<Event> {
  const place = `"item_id":"msg_${run.suffix}","output_index":${outputIndex},"content_index":0`;
  const padding = run.obfuscation ? ',"obfuscation":"simulator"' : '';
  yield itemEvent('added', outputIndex, messageItem(run));
  yield ['response.content_part.added', `${place},"part":${JSON.stringify(textPart(''))}`];
  for (const piece of pieces) {
    yield ['response.output_text.delta', `${place},"delta":${JSON.stringify(piece)},"logprobs":[]${padding}`];
  }
  const text = pieces.join('');
  yield ['response.output_text.done', `${place},"text":${JSON.stringify(text)},"logprobs":[]`];
  yield ['response.content_part.done', `${place},"part":${JSON.stringify(textPart(text))}`];
  const item = outputItems(run, run.end === 'incomplete' ? 'incomplete' : 'completed').at(-1);
  if (item !== undefined) yield itemEvent('done', outputIndex, item);
}

function* callEvents(run: ResponseRun, firstIndex: number): Generator<Event> {
  if (run.plan.kind !== 'calls') return;
  for (const [position, call] of run.plan.calls.entries()) {
    const outputIndex = firstIndex + position;
    const item = functionCallItem(run, call, position);
    const place = `"item_id":"${functionItemId(run, position)}","output_index":${outputIndex}`;
    yield itemEvent('added', outputIndex, { ...item, status: 'in_progress', arguments: '' });
    for (const piece of call.pieces) {
      yield ['response.function_call_arguments.delta', `${place},"delta":${JSON.stringify(piece)}`];
    }
    const whole = JSON.stringify(call.pieces.join(''));
    yield [
      'response.function_call_arguments.done',
      `${place},"name":${JSON.stringify(call.name)},"arguments":${whole}`,
    ];
    yield itemEvent('done', outputIndex, item);
  }
}

function itemEvent(what: 'added' | 'done', outputIndex: number, item: JsonObject): Event {
  return [`response.output_item.${what}`, `"output_index":${outputIndex},"item":${JSON.stringify(item)}`];
}

/** An event that holds the response object. Only the last one may have siblings to it (GitHub Copilot). */
function responseEvent(type: string, run: ResponseRun, status: ResponseStatus): Event {
  const beside = status === 'completed' ? JSON.stringify(run.dialect.besideResponse(run.counts)).slice(1, -1) : '';
  return [type, `"response":${JSON.stringify(responseObject(run, status))}${beside === '' ? '' : `,${beside}`}`];
}
