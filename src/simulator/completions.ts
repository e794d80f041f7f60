import { type Answer, jsonAnswer } from './answer.ts';
import { steeredPieces } from './answer-plan.ts';
import { type Call, idSuffix, resolveModel } from './call.ts';
import { type ChunkStep, streamEvents } from './chunk-stream.ts';
import { CREATED } from './identity.ts';
import { type JsonObject, objectOrEmpty, wholeNumber } from './json-value.ts';
import { checkCompletions, parseBody, requireModel } from './strictness.ts';
import { countCharacters, countTokenIds, inputTokens, steerCounts } from './usage.ts';

/** `POST completions`, the legacy endpoint: JSON or a stream. Its input rule has no share for messages. */
export function createCompletion(call: Call): Answer {
  const request = parseBody(call.body);
  const requested = requireModel(request);
  checkCompletions(request, call.dialect);
  const model = resolveModel(call, requested);
  const planned = steeredPieces(call.steering);
  const limit = typeof request['max_tokens'] === 'number' ? Math.max(1, request['max_tokens']) : planned.length;
  const pieces = planned.slice(0, limit);
  const reason = limit < planned.length ? 'length' : 'stop';
  const choices = wholeNumber(request['n'], 1);
  const input = inputTokens(countCharacters(request['prompt']), 0) + countTokenIds(request['prompt']);
  const counts = steerCounts({ input, contentEvents: pieces.length * choices }, call.steering);
  const identity = { id: `cmpl-${idSuffix(call)}`, object: 'text_completion', created: CREATED, model };

  if (request['stream'] === true) {
    return {
      kind: 'stream',
      events: streamEvents({
        endpoint: 'completions',
        dialect: call.dialect,
        steering: call.steering,
        identity,
        steps: steps(pieces, choices, reason),
        counts,
        options: objectOrEmpty(request['stream_options']),
        moderation: null,
      }),
    };
  }
  const text = pieces.join('');
  const body: JsonObject = {
    ...identity,
    choices: Array.from({ length: choices }, (_, index) => ({ text, index, logprobs: null, finish_reason: reason })),
    ...(call.steering.noUsage ? {} : { usage: call.dialect.completionsUsage(counts) }),
    ...call.dialect.members,
    ...call.dialect.lastMembers(counts, !call.steering.noUsage),
  };
  return jsonAnswer(JSON.stringify(body));
}

function* steps(pieces: readonly string[], choices: number, reason: string): Generator<ChunkStep> {
  let contentEvents = 0;
  for (const piece of pieces) {
    contentEvents++;
    const text = JSON.stringify(piece);
    for (let index = 0; index < choices; index++) {
      yield {
        choices: `[{"text":${text},"index":${index},"logprobs":null,"finish_reason":null}]`,
        contentEvents,
        last: false,
      };
    }
  }
  for (let index = 0; index < choices; index++) {
    yield {
      choices: `[{"text":"","index":${index},"logprobs":null,"finish_reason":"${reason}"}]`,
      contentEvents,
      last: index === choices - 1,
    };
  }
}
