import { type Answer, jsonAnswer, refusal } from './answer.ts';
import { contentEventsOf, planAnswer } from './answer-plan.ts';
import { type Call, idSuffix, resolveModel } from './call.ts';
import { framing } from './chunk-stream.ts';
import { readResponsesConversation } from './conversation.ts';
import { CREATED, callId } from './identity.ts';
import { type JsonObject, objectOrEmpty } from './json-value.ts';
import { responseEvents } from './response-events.ts';
import { type ResponseEnd, type ResponseRun, responseObject } from './response-run.ts';
import { checkResponses, parseBody, requireModel } from './strictness.ts';
import { type Counts, countCharacters, inputTokens, steerCounts } from './usage.ts';

/** Members of the request that the response repeats, with what stands there when they are absent. */
const ECHOED: Readonly<Record<string, unknown>> = {
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  parallel_tool_calls: true,
  previous_response_id: null,
  prompt_cache_key: null,
  reasoning: { effort: null, summary: null },
  safety_identifier: null,
  store: true,
  temperature: 1,
  text: { format: { type: 'text' }, verbosity: 'medium' },
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  metadata: {},
};

const DEFAULT_POLLS = 2;
const MODEL_OF_PROMPT_TEMPLATES = 'gpt-5-mini';

/** `POST responses`: JSON, a stream, or a background response that is queued. */
export function createResponse(call: Call): Answer {
  const request = parseBody(call.body);
  const run = startRun(call, request);
  if (request['store'] !== false) call.state.responses.set(`resp_${run.suffix}`, run);
  if (request['stream'] === true) return streamOf(call, run, -1);
  if (!run.background) run.status = run.end;
  return jsonAnswer(responseText(run));
}

/** `GET responses/{id}`, with `?stream=true&starting_after=N` the events once more. */
export function retrieveResponse(call: Call): Answer {
  const run = storedRun(call);
  if (call.query.get('stream') === 'true') {
    if (!run.background) {
      throw refusal(400, {
        message: 'This response cannot be streamed because it was not created with background=true.',
        param: 'stream',
      });
    }
    const after = call.query.get('starting_after');
    return streamOf(call, run, after === null ? -1 : Number(after));
  }
  poll(run);
  return jsonAnswer(responseText(run));
}

/** `POST responses/{id}/cancel`: ends a background response without usage; an ended one stays as it is. */
export function cancelResponse(call: Call): Answer {
  const run = storedRun(call);
  if (!run.background) throw refusal(400, { message: 'Cannot cancel a synchronous response.' });
  if (run.status === 'queued' || run.status === 'in_progress') {
    run.status = 'cancelled';
    run.end = 'cancelled';
  }
  return jsonAnswer(responseText(run));
}

/** `DELETE responses/{id}`. */
export function deleteResponse(call: Call): Answer {
  storedRun(call);
  call.state.responses.delete(call.id);
  return jsonAnswer(JSON.stringify({ id: call.id, object: 'response', deleted: true }));
}

/** `POST responses/input_tokens`: a count, no usage. */
export function countInputTokens(call: Call): Answer {
  const request = parseBody(call.body);
  resolveModel(call, requireModel(request));
  const previous = previousRun(call, request);
  const { messages } = readResponsesConversation(request, previous?.calls ?? new Map());
  const tokens = call.steering.inputTokens ?? inputOf(request, messages, previous);
  return jsonAnswer(JSON.stringify({ object: 'response.input_tokens', input_tokens: tokens }));
}

/** `POST responses/compact`: one compaction item, which costs one token of output. */
export function compactResponse(call: Call): Answer {
  const request = parseBody(call.body);
  resolveModel(call, requireModel(request));
  const previous = previousRun(call, request);
  const { messages } = readResponsesConversation(request, previous?.calls ?? new Map());
  const counts = steerCounts({ input: inputOf(request, messages, previous), contentEvents: 1 }, call.steering);
  const suffix = idSuffix(call);
  return jsonAnswer(
    JSON.stringify({
      id: `resp_${suffix}`,
      object: 'response.compaction',
      created_at: CREATED,
      output: [{ id: `cmp_${suffix}`, type: 'compaction', encrypted_content: 'c2ltdWxhdG9y' }],
      usage: call.dialect.responsesUsage(counts),
    }),
  );
}

function startRun(call: Call, request: JsonObject): ResponseRun {
  const isTemplate = typeof request['prompt'] === 'object' && request['model'] === undefined;
  const requested = isTemplate ? MODEL_OF_PROMPT_TEMPLATES : requireModel(request);
  checkResponses(request, call.dialect);
  const model = resolveModel(call, requested);
  const previous = previousRun(call, request);
  const earlierCalls = previous?.calls ?? new Map<string, string>();
  const conversation = readResponsesConversation(request, earlierCalls);
  const plan = planAnswer(conversation, call.steering);
  const input = inputOf(request, conversation.messages, previous);
  const suffix = idSuffix(call);
  const calls = new Map(earlierCalls);
  if (plan.kind === 'calls') {
    for (const [position, planned] of plan.calls.entries()) calls.set(callId(suffix, position), planned.name);
  }
  const background = request['background'] === true;
  const cutShort = plan.kind === 'text' && plan.cutShort;
  return {
    suffix,
    model,
    plan,
    counts: steerCounts({ input, contentEvents: contentEventsOf(plan) }, call.steering),
    dialect: call.dialect,
    background,
    echo: Object.fromEntries(Object.entries(ECHOED).map(([name, absent]) => [name, request[name] ?? absent])),
    calls,
    noUsage: call.steering.noUsage,
    obfuscation: objectOrEmpty(request['stream_options'])['include_obfuscation'] !== false,
    polls: Math.max(1, call.steering.backgroundPolls ?? DEFAULT_POLLS),
    end: endOf(call.steering.responsesEnd, cutShort),
    status: background ? 'queued' : 'in_progress',
    retrieves: 0,
  };
}

function endOf(steered: string | null, cutShort: boolean): ResponseEnd {
  if (steered === 'failed' || steered === 'incomplete' || steered === 'completed') return steered;
  return cutShort ? 'incomplete' : 'completed';
}

/** The input rule; what `previous_response_id` continues is billed again (wire.md 3.3). */
function inputOf(request: JsonObject, messages: number, previous: ResponseRun | null): number {
  const characters = countCharacters([request['instructions'], request['input'], request['tools']]);
  return inputTokens(characters, messages) + (previous === null ? 0 : totalOf(previous.counts));
}

function totalOf(counts: Counts): number {
  return counts.input + counts.output;
}

function previousRun(call: Call, request: JsonObject): ResponseRun | null {
  const id = request['previous_response_id'];
  if (typeof id !== 'string') return null;
  const run = call.state.responses.get(id);
  if (run !== undefined) return run;
  throw refusal(400, {
    message: `Previous response with id '${id}' not found.`,
    param: 'previous_response_id',
    code: 'previous_response_not_found',
  });
}

function storedRun(call: Call): ResponseRun {
  const run = call.state.responses.get(call.id);
  if (run === undefined) throw refusal(404, { message: `Response with id '${call.id}' not found.` });
  return run;
}

/** A retrieve moves a background response on: in progress, and ended with the retrieve that `polls` names. */
function poll(run: ResponseRun): void {
  if (run.status !== 'queued' && run.status !== 'in_progress') return;
  run.retrieves++;
  run.status = run.retrieves >= run.polls ? run.end : 'in_progress';
}

function streamOf(call: Call, run: ResponseRun, startingAfter: number): Answer {
  run.status = run.end;
  const { lineEnd } = framing({ ...run.dialect, lineEnd: '\n' }, call.steering);
  const { errorInStream, noDone } = call.steering;
  return { kind: 'stream', events: responseEvents(run, { lineEnd, startingAfter, errorInStream, noDone }) };
}

function responseText(run: ResponseRun): string {
  const beside = run.status === 'completed' ? run.dialect.besideResponse(run.counts) : {};
  return JSON.stringify({ ...responseObject(run), ...beside });
}
