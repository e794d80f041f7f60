import { jsonAnswer, Refused, refusal } from './answer.ts';
import type { Dialect } from './dialects.ts';
import { describeValue, isJsonObject, type JsonObject } from './json-value.ts';

/**
 * What OpenAI rejects, in its words (wire.md 2.3, 6.1): each check throws a `Refused` with status 400 and the member
 * at fault in `param`. A member that is null counts as absent, as it does there.
 */

const PARSE_MESSAGE =
  "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)";

/** Parses a request body that must be a JSON object in UTF-8. */
export function parseBody(body: Buffer): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw refusal(400, { message: PARSE_MESSAGE });
  }
  if (!isJsonObject(value)) {
    throw refusal(400, {
      message: `Invalid body: expected an object, but got ${describeValue(value)} instead.`,
      code: 'invalid_type',
    });
  }
  return value;
}

/** Gives the member `model`, which must be there and be a string that is not empty. */
export function requireModel(body: JsonObject): string {
  const model = body['model'];
  if (isAbsent(model) || model === '') throw missing('model');
  if (typeof model !== 'string') throw wrongType('model', 'a string', model);
  return model;
}

export function checkChat(body: JsonObject, dialect: Dialect): void {
  checkMessages(body['messages']);
  checkStreaming(body, dialect, ['include_usage', 'include_obfuscation', 'continuous_usage_stats']);
  checkRange(body, 'temperature', [0, 2]);
  checkRange(body, 'top_p', [0, 1]);
  checkRange(body, 'n', [1, 128]);
  checkMetadata(body['metadata']);
  if (!isAbsent(body['metadata']) && body['store'] !== true) throw onlyAllowedWhen('metadata', 'store');
}

export function checkCompletions(body: JsonObject, dialect: Dialect): void {
  checkStreaming(body, dialect, ['include_usage', 'include_obfuscation', 'continuous_usage_stats']);
  checkRange(body, 'temperature', [0, 2]);
  checkRange(body, 'n', [1, 128]);
}

export function checkResponses(body: JsonObject, dialect: Dialect): void {
  const input = body['input'];
  const continues = [body['prompt'], body['previous_response_id'], body['conversation']].some((it) => !isAbsent(it));
  if (isAbsent(input) && !continues) throw missing('input');
  if (!isAbsent(input) && typeof input !== 'string' && !Array.isArray(input)) {
    throw wrongType('input', 'a string or an array of objects', input);
  }
  if (!isAbsent(body['previous_response_id']) && !isAbsent(body['conversation'])) {
    throw refusal(400, {
      message: "Mutually exclusive parameters: 'previous_response_id' and 'conversation'.",
      param: 'previous_response_id',
      code: 'mutually_exclusive_parameters',
    });
  }
  checkStreaming(body, dialect, ['include_obfuscation']);
  checkBoolean(body['background'], 'background');
  checkBoolean(body['store'], 'store');
  if (body['background'] === true && body['store'] === false) {
    throw refusal(400, { message: "Background mode requires 'store' to be true.", param: 'background' });
  }
  checkRange(body, 'temperature', [0, 2]);
  checkRange(body, 'top_p', [0, 1]);
  checkMetadata(body['metadata']);
}

export function checkEmbeddings(body: JsonObject): void {
  const input = body['input'];
  if (isAbsent(input)) throw missing('input');
  if (typeof input !== 'string' && !Array.isArray(input)) throw wrongType('input', 'a string or an array', input);
  if (input.length === 0)
    throw refusal(400, { message: "Invalid 'input': input cannot be an empty string.", param: 'input' });
  const format = body['encoding_format'];
  if (!isAbsent(format) && format !== 'float' && format !== 'base64') throw badChoice('encoding_format', format);
}

/** A string member that must be there, such as a prompt. */
export function requireString(body: JsonObject, name: string): string {
  const value = body[name];
  if (isAbsent(value)) throw missing(name);
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  return value;
}

/** Limits of `metadata`: 16 pairs of strings, names to 64 characters, values to 512. */
export function checkMetadata(metadata: unknown): void {
  if (isAbsent(metadata)) return;
  if (!isJsonObject(metadata)) throw wrongType('metadata', 'an object', metadata);
  const pairs = Object.entries(metadata);
  if (pairs.length > 16) {
    throw refusal(400, {
      message: `Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with ${pairs.length} properties instead.`,
      param: 'metadata',
      code: 'object_above_max_properties',
    });
  }
  for (const [name, value] of pairs) checkMetadataPair(name, value);
}

function checkMetadataPair(name: string, value: unknown): void {
  if (name.length > 64) {
    throw refusal(400, {
      message: `Invalid 'metadata': property name too long. Expected a name with maximum length 64, but got one with length ${name.length} instead.`,
      param: 'metadata',
      code: 'property_name_above_max_length',
    });
  }
  if (typeof value !== 'string') throw wrongType(`metadata.${name}`, 'a string', value);
  if (value.length > 512) {
    throw refusal(400, {
      message: `Invalid 'metadata.${name}': string too long. Expected a string with maximum length 512, but got a string with length ${value.length} instead.`,
      param: `metadata.${name}`,
      code: 'string_above_max_length',
    });
  }
}

function checkMessages(messages: unknown): void {
  if (isAbsent(messages)) throw missing('messages');
  if (!Array.isArray(messages)) throw wrongType('messages', 'an array of objects', messages);
  if (messages.length === 0) {
    throw refusal(400, {
      message:
        "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      param: 'messages',
      code: 'empty_array',
    });
  }
  for (const [index, message] of messages.entries()) {
    if (!isJsonObject(message)) throw wrongType(`messages[${index}]`, 'an object', message);
    if (isAbsent(message['role'])) throw missing(`messages[${index}].role`);
  }
}

function checkStreaming(body: JsonObject, dialect: Dialect, knownOptions: readonly string[]): void {
  checkBoolean(body['stream'], 'stream');
  const options = body['stream_options'];
  if (isAbsent(options)) return;
  if (dialect.rejectsStreamOptions !== null) {
    const { status, body: rejection } = dialect.rejectsStreamOptions;
    throw new Refused(jsonAnswer(JSON.stringify(rejection), status));
  }
  if (body['stream'] !== true) throw onlyAllowedWhen('stream_options', 'stream');
  if (!isJsonObject(options)) throw wrongType('stream_options', 'an object', options);
  for (const [name, value] of Object.entries(options)) {
    const param = `stream_options.${name}`;
    if (!knownOptions.includes(name) || (name === 'continuous_usage_stats' && dialect.running !== 'if_asked')) {
      throw refusal(400, { message: `Unknown parameter: '${param}'.`, param, code: 'unknown_parameter' });
    }
    checkBoolean(value, param);
  }
}

function checkBoolean(value: unknown, param: string): void {
  if (!isAbsent(value) && typeof value !== 'boolean') throw wrongType(param, 'a boolean', value);
}

function checkRange(body: JsonObject, name: string, [least, most]: readonly [number, number]): void {
  const value = body[name];
  if (isAbsent(value)) return;
  if (typeof value !== 'number') throw wrongType(name, 'a decimal', value);
  const fault =
    value < least
      ? (['below minimum', `>= ${least}`, 'decimal_below_min_value'] as const)
      : value > most
        ? (['above maximum', `<= ${most}`, 'decimal_above_max_value'] as const)
        : null;
  if (fault === null) return;
  const [where, expected, code] = fault;
  throw refusal(400, {
    message: `Invalid '${name}': decimal ${where} value. Expected a value ${expected}, but got ${value} instead.`,
    param: name,
    code,
  });
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function missing(param: string): Refused {
  return refusal(400, {
    message: `Missing required parameter: '${param}'.`,
    param,
    code: 'missing_required_parameter',
  });
}

function wrongType(param: string, expected: string, value: unknown): Refused {
  return refusal(400, {
    message: `Invalid type for '${param}': expected ${expected}, but got ${describeValue(value)} instead.`,
    param,
    code: 'invalid_type',
  });
}

function badChoice(param: string, value: unknown): Refused {
  return refusal(400, {
    message: `Invalid value: '${String(value)}'. Supported values are: 'float' and 'base64'.`,
    param,
    code: 'invalid_value',
  });
}

function onlyAllowedWhen(param: string, switchName: string): Refused {
  return refusal(400, { message: `The '${param}' parameter is only allowed when '${switchName}' is enabled.`, param });
}
