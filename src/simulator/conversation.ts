import { arrayOrEmpty, isJsonObject, type JsonObject, objectOrEmpty, stringOrNull } from './json-value.ts';

/** What the simulator has to know of a request to decide on its answer, the same for both APIs. */
export interface Conversation {
  readonly tools: readonly FunctionTool[];
  readonly toolChoice: ToolChoice;
  /** Names of the functions that the conversation has called already. */
  readonly calledNames: ReadonlySet<string>;
  /** The function whose result is the last item; null where the last item is no tool result. */
  readonly lastResultOf: string | null;
  /** The text of the last message, for `x-sim-echo`. */
  readonly lastText: string;
  /** The JSON schema that the answer must follow; null for plain text. */
  readonly schema: JsonObject | null;
  readonly maxOutputTokens: number | null;
  /** What the input rule counts three tokens for. */
  readonly messages: number;
}

export interface FunctionTool {
  readonly name: string;
  readonly parameters: unknown;
}

export type ToolChoice =
  | { readonly kind: 'free' }
  | { readonly kind: 'none' }
  | { readonly kind: 'named'; name: string };

const UNKNOWN_FUNCTION = '';

/** Reads the body of `chat/completions`. */
export function readChatConversation(body: JsonObject): Conversation {
  const messages = arrayOrEmpty(body['messages']);
  const calls = new Map<string, string>();
  for (const message of messages) {
    for (const call of arrayOrEmpty(objectOrEmpty(message)['tool_calls'])) {
      const name = stringOrNull(objectOrEmpty(objectOrEmpty(call)['function'])['name']);
      if (name !== null) calls.set(stringOrNull(objectOrEmpty(call)['id']) ?? name, name);
    }
  }
  const last = objectOrEmpty(messages.at(-1));
  const format = objectOrEmpty(body['response_format']);
  return {
    tools: arrayOrEmpty(body['tools']).flatMap((tool) => readTool(objectOrEmpty(tool)['function'])),
    toolChoice: readToolChoice(body['tool_choice']),
    calledNames: new Set(calls.values()),
    lastResultOf: last['role'] === 'tool' ? (calls.get(String(last['tool_call_id'])) ?? UNKNOWN_FUNCTION) : null,
    lastText: textOf(last['content']),
    schema: readSchema(format, objectOrEmpty(format['json_schema'])['schema']),
    maxOutputTokens: readLimit(body['max_completion_tokens'] ?? body['max_tokens']),
    messages: messages.length,
  };
}

/**
 * Reads the body of `responses`.
 *
 * @param earlierCalls call ids and function names of the responses that `previous_response_id` continues
 */
export function readResponsesConversation(body: JsonObject, earlierCalls: ReadonlyMap<string, string>): Conversation {
  const input = body['input'];
  const items = typeof input === 'string' ? [{ role: 'user', content: input }] : arrayOrEmpty(input);
  const calls = new Map(earlierCalls);
  for (const item of items.map(objectOrEmpty)) {
    if (item['type'] === 'function_call') calls.set(String(item['call_id']), String(item['name']));
  }
  const last = objectOrEmpty(items.at(-1));
  const isResult = last['type'] === 'function_call_output';
  const format = objectOrEmpty(objectOrEmpty(body['text'])['format']);
  return {
    tools: arrayOrEmpty(body['tools']).flatMap((tool) =>
      objectOrEmpty(tool)['type'] === 'function' ? readTool(tool) : [],
    ),
    toolChoice: readToolChoice(body['tool_choice']),
    calledNames: new Set(calls.values()),
    lastResultOf: isResult ? (calls.get(String(last['call_id'])) ?? UNKNOWN_FUNCTION) : null,
    lastText: textOf(last['content']),
    schema: readSchema(format, format['schema']),
    maxOutputTokens: readLimit(body['max_output_tokens']),
    messages: items.length + (typeof body['instructions'] === 'string' ? 1 : 0),
  };
}

function readTool(description: unknown): FunctionTool[] {
  const { name, parameters } = objectOrEmpty(description);
  return typeof name === 'string' ? [{ name, parameters }] : [];
}

function readToolChoice(choice: unknown): ToolChoice {
  if (choice === 'none') return { kind: 'none' };
  if (!isJsonObject(choice)) return { kind: 'free' };
  const name = stringOrNull(choice['name']) ?? stringOrNull(objectOrEmpty(choice['function'])['name']);
  return name === null ? { kind: 'free' } : { kind: 'named', name };
}

function readSchema(format: JsonObject, schema: unknown): JsonObject | null {
  if (format['type'] === 'json_object') return { type: 'object' };
  return format['type'] === 'json_schema' ? objectOrEmpty(schema) : null;
}

function readLimit(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : null;
}

/** The text of a message's content: a string, or the text parts of an array put together. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return arrayOrEmpty(content)
    .map((part) => stringOrNull(objectOrEmpty(part)['text']) ?? '')
    .join('');
}
