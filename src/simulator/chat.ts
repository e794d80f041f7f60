import { type Answer, jsonAnswer, refusal } from './answer.ts';
import { type AnswerPlan, contentEventsOf, planAnswer } from './answer-plan.ts';
import { type Call, idSuffix, resolveModel } from './call.ts';
import { type ChunkStep, type ChunkStream, streamEvents } from './chunk-stream.ts';
import { readChatConversation } from './conversation.ts';
import { CREATED, callId } from './identity.ts';
import { isJsonObject, type JsonObject, objectOrEmpty, wholeNumber } from './json-value.ts';
import { checkChat, checkMetadata, parseBody, requireModel } from './strictness.ts';
import { countCharacters, inputTokens, steerCounts } from './usage.ts';

interface ChatReply {
  readonly call: Call;
  readonly request: JsonObject;
  readonly suffix: string;
  readonly model: string;
  readonly plan: AnswerPlan;
  readonly choices: number;
}

/** `POST chat/completions`: JSON or a stream. */
export function createChatCompletion(call: Call): Answer {
  const request = parseBody(call.body);
  const requested = requireModel(request);
  checkChat(request, call.dialect);
  const model = resolveModel(call, requested);
  const conversation = readChatConversation(request);
  const plan = planAnswer(conversation, call.steering);
  const choices = wholeNumber(request['n'], 1);
  const input = inputTokens(countCharacters([request['messages'], request['tools']]), conversation.messages);
  const counts = steerCounts({ input, contentEvents: contentEventsOf(plan) * choices }, call.steering);
  const reply: ChatReply = { call, request, suffix: idSuffix(call), model, plan, choices };

  const identity = { id: `chatcmpl-${reply.suffix}`, created: CREATED, model };
  const usage = call.steering.noUsage ? {} : { usage: call.dialect.chatUsage(counts) };
  const whole = () =>
    JSON.stringify({
      id: identity.id,
      object: 'chat.completion',
      created: CREATED,
      model,
      choices: Array.from({ length: choices }, (_, index) => wholeChoice(reply, index)),
      ...usage,
      ...call.dialect.members,
      ...call.dialect.lastMembers(counts, !call.steering.noUsage),
      ...(request['store'] === true ? { metadata: request['metadata'] ?? {} } : {}),
    });
  if (request['store'] === true) call.state.completions.set(identity.id, whole());
  if (request['stream'] !== true) return jsonAnswer(whole());

  const moderation = request['moderation'];
  const stream: ChunkStream = {
    endpoint: 'chat',
    dialect: call.dialect,
    steering: call.steering,
    identity: { id: identity.id, object: 'chat.completion.chunk', created: CREATED, model },
    steps: steps(reply),
    counts,
    options: objectOrEmpty(request['stream_options']),
    moderation: isJsonObject(moderation) ? { results: [{ flagged: false }] } : null,
  };
  return { kind: 'stream', events: streamEvents(stream) };
}

/** `GET chat/completions/{id}`: a stored completion, its usage once more. */
export function retrieveChatCompletion(call: Call): Answer {
  const stored = call.state.completions.get(call.id);
  if (stored === undefined) throw notFound(call.id);
  return jsonAnswer(stored);
}

/** `POST chat/completions/{id}`: sets the metadata of a stored completion and gives it whole, usage too. */
export function updateChatCompletion(call: Call): Answer {
  const { metadata } = parseBody(call.body);
  checkMetadata(metadata);
  const stored = call.state.completions.get(call.id);
  if (stored === undefined) throw notFound(call.id);
  const updated = JSON.stringify({ ...objectOrEmpty(JSON.parse(stored)), metadata: metadata ?? {} });
  call.state.completions.set(call.id, updated);
  return jsonAnswer(updated);
}

/** `GET chat/completions`: the stored completions. */
export function listChatCompletions(call: Call): Answer {
  return jsonAnswer(`{"object":"list","data":[${[...call.state.completions.values()].join(',')}],"has_more":false}`);
}

/** `DELETE chat/completions/{id}`. */
export function deleteChatCompletion(call: Call): Answer {
  if (!call.state.completions.delete(call.id)) throw notFound(call.id);
  return jsonAnswer(JSON.stringify({ id: call.id, object: 'chat.completion.deleted', deleted: true }));
}

function notFound(id: string): Error {
  return refusal(404, { message: `No chat completion found with id '${id}'.`, param: 'completion_id' });
}

function wholeChoice({ plan, suffix }: ChatReply, index: number): JsonObject {
  const message =
    plan.kind === 'text'
      ? { role: 'assistant', content: plan.pieces.join(''), refusal: null, annotations: [] }
      : {
          role: 'assistant',
          content: null,
          tool_calls: plan.calls.map((planned, position) => ({
            id: callId(suffix, position),
            type: 'function',
            function: { name: planned.name, arguments: planned.pieces.join('') },
          })),
          refusal: null,
          annotations: [],
        };
  return { index, message, logprobs: null, finish_reason: finishReason(plan) };
}

function finishReason(plan: AnswerPlan): string {
  if (plan.kind === 'calls') return 'tool_calls';
  return plan.cutShort ? 'length' : 'stop';
}

function* steps(reply: ChatReply): Generator<ChunkStep> {
  const indexes = Array.from({ length: reply.choices }, (_, index) => index);
  const content = reply.plan.kind === 'text' ? '""' : 'null';
  for (const index of indexes) {
    yield step(index, `{"role":"assistant","content":${content},"refusal":null}`, 0);
  }
  let contentEvents = 0;
  for (const delta of deltas(reply)) {
    contentEvents++;
    for (const index of indexes) yield step(index, delta, contentEvents);
  }
  const finish = `"delta":{},"logprobs":null,"finish_reason":"${finishReason(reply.plan)}"`;
  for (const index of indexes) {
    yield { choices: `[{"index":${index},${finish}}]`, contentEvents, last: index === reply.choices - 1 };
  }
}

function step(index: number, delta: string, contentEvents: number): ChunkStep {
  return {
    choices: `[{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":null}]`,
    contentEvents,
    last: false,
  };
}

/** The JSON texts of the deltas that carry content, in the order in which OpenAI streams them. */
function* deltas({ plan, suffix }: ChatReply): Generator<string> {
  if (plan.kind === 'text') {
    for (const piece of plan.pieces) yield `{"content":${JSON.stringify(piece)}}`;
    return;
  }
  for (const [index, planned] of plan.calls.entries()) {
    const id = callId(suffix, index);
    const opening = { index, id, type: 'function', function: { name: planned.name, arguments: '' } };
    yield JSON.stringify({ tool_calls: [opening] });
    for (const piece of planned.pieces) {
      yield JSON.stringify({ tool_calls: [{ index, function: { arguments: piece } }] });
    }
  }
}
