import { type Answer, jsonAnswer, refusal } from './answer.ts';
import { steeredPieces } from './answer-plan.ts';
import { type Call, idSuffix, resolveModel } from './call.ts';
import { framing } from './chunk-stream.ts';
import { CREATED } from './identity.ts';
import { type JsonObject, wholeNumber } from './json-value.ts';
import { type Form, readForm } from './multipart.ts';
import { parseBody, requireModel, requireString } from './strictness.ts';
import { type Counts, countCharacters, inputTokens, steerCounts } from './usage.ts';

/** A PNG of one transparent pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const TOKENS_PER_IMAGE = 272;
const AUDIO_BYTES_PER_TOKEN = 64;
const AUDIO_BYTES_PER_SECOND = 16_000;

/** `POST images/generations`: JSON or a stream, usage of family I (wire.md 1.1). */
export function createImage(call: Call): Answer {
  const request = parseBody(call.body);
  return imageAnswer(call, {
    type: 'image_generation',
    model: typeof request['model'] === 'string' ? request['model'] : 'gpt-image-1',
    prompt: requireString(request, 'prompt'),
    images: countWithin(request['n'], 1, 10),
    inputImageTokens: 0,
    stream: request['stream'] === true,
    partialImages: countWithin(request['partial_images'], 0, 3),
  });
}

/** `POST images/edits` (multipart): as generations; each uploaded image is one image's tokens of input. */
export function editImage(call: Call): Answer {
  const form = readForm(String(call.headers['content-type']), call.body);
  return imageAnswer(call, {
    type: 'image_edit',
    model: form.fields.get('model') ?? 'gpt-image-1',
    prompt: requireField(form, 'prompt'),
    images: countWithin(Number(form.fields.get('n') ?? 1), 1, 10),
    inputImageTokens: TOKENS_PER_IMAGE * form.files.size,
    stream: form.fields.get('stream') === 'true',
    partialImages: countWithin(Number(form.fields.get('partial_images') ?? 0), 0, 3),
  });
}

interface ImageRequest {
  readonly type: string;
  readonly model: string;
  readonly prompt: string;
  readonly images: number;
  readonly inputImageTokens: number;
  readonly stream: boolean;
  readonly partialImages: number;
}

function imageAnswer(call: Call, request: ImageRequest): Answer {
  resolveModel(call, request.model);
  const textTokens = inputTokens(request.prompt.length, 0);
  const counts = steerCounts(
    { input: textTokens + request.inputImageTokens, contentEvents: TOKENS_PER_IMAGE * request.images },
    call.steering,
  );
  const usage = {
    total_tokens: counts.input + counts.output,
    input_tokens: counts.input,
    output_tokens: counts.output,
    input_tokens_details: {
      image_tokens: request.inputImageTokens,
      text_tokens: Math.max(0, counts.input - request.inputImageTokens),
    },
  };
  const look = { background: 'opaque', output_format: 'png', quality: 'medium', size: '1024x1024' };
  if (request.stream) {
    const image = { b64_json: PIXEL, created_at: CREATED, ...look };
    const partial = Array.from({ length: request.partialImages }, (_, index) => ({
      type: `${request.type}.partial_image`,
      ...image,
      partial_image_index: index,
    }));
    return eventStream(call, [...partial, { type: `${request.type}.completed`, ...image, ...ifTold(call, { usage }) }]);
  }
  const data = Array.from({ length: request.images }, () => ({ b64_json: PIXEL }));
  const details = { output_tokens_details: { image_tokens: counts.output, text_tokens: 0 } };
  return jsonAnswer(
    JSON.stringify({ created: CREATED, ...look, data, ...ifTold(call, { usage: { ...usage, ...details } }) }),
  );
}

/** `POST audio/transcriptions` (multipart): usage of family T, tokens or seconds as the model and format have it. */
export function transcribe(call: Call): Answer {
  const form = readForm(String(call.headers['content-type']), call.body);
  const model = requireField(form, 'model');
  resolveModel(call, model);
  const file = form.files.get('file');
  if (file === undefined) throw missingField('file');
  const pieces = steeredPieces(call.steering);
  const text = pieces.join('');
  const audioTokens = Math.ceil(file.bytes.length / AUDIO_BYTES_PER_TOKEN);
  const counts = steerCounts({ input: audioTokens, contentEvents: pieces.length }, call.steering);
  const seconds = Math.ceil(file.bytes.length / AUDIO_BYTES_PER_SECOND);
  const format = form.fields.get('response_format') ?? 'json';

  if (format === 'text' || format === 'srt' || format === 'vtt') {
    return { kind: 'whole', status: 200, contentType: 'text/plain; charset=utf-8', body: `${text}\n` };
  }
  const duration = { type: 'duration', seconds };
  if (format === 'verbose_json') {
    const body = { task: 'transcribe', language: 'english', duration: seconds, text, segments: [] };
    return jsonAnswer(JSON.stringify({ ...body, ...ifTold(call, { usage: duration }) }));
  }
  if (model === 'whisper-1') return jsonAnswer(JSON.stringify({ text, ...ifTold(call, { usage: duration }) }));
  const usage = transcriptionUsage(counts);
  if (form.fields.get('stream') !== 'true') return jsonAnswer(JSON.stringify({ text, ...ifTold(call, { usage }) }));
  const deltas = pieces.map((delta) => ({ type: 'transcript.text.delta', delta }));
  return eventStream(call, [...deltas, { type: 'transcript.text.done', text, ...ifTold(call, { usage }) }]);
}

/** `POST audio/translations` (multipart): text, no usage. */
export function translateAudio(call: Call): Answer {
  const form = readForm(String(call.headers['content-type']), call.body);
  resolveModel(call, requireField(form, 'model'));
  if (!form.files.has('file')) throw missingField('file');
  return jsonAnswer(JSON.stringify({ text: steeredPieces(call.steering).join('') }));
}

function transcriptionUsage(counts: Counts): JsonObject {
  return {
    type: 'tokens',
    total_tokens: counts.input + counts.output,
    input_tokens: counts.input,
    input_token_details: { text_tokens: 0, audio_tokens: counts.input },
    output_tokens: counts.output,
  };
}

/** `POST audio/speech`: bytes without usage, or with `stream_format: "sse"` a stream that ends with it. */
export function createSpeech(call: Call): Answer {
  const request = parseBody(call.body);
  resolveModel(call, requireModel(request));
  const input = requireString(request, 'input');
  requireString(request, 'voice');
  const pieces = steeredPieces(call.steering);
  if (request['stream_format'] === 'sse') {
    const counts = steerCounts({ input: inputTokens(input.length, 0), contentEvents: pieces.length }, call.steering);
    const usage = {
      input_tokens: counts.input,
      output_tokens: counts.output,
      total_tokens: counts.input + counts.output,
    };
    const deltas = pieces.map((piece) => ({
      type: 'speech.audio.delta',
      audio: Buffer.from(piece).toString('base64'),
    }));
    return eventStream(call, [...deltas, { type: 'speech.audio.done', ...ifTold(call, { usage }) }]);
  }
  const audio = Buffer.from([0xff, 0xfb, ...Buffer.from(pieces.join(''))]);
  return { kind: 'whole', status: 200, contentType: 'audio/mpeg', body: audio };
}

/** `POST moderations`: nothing is flagged, no usage. */
export function moderate(call: Call): Answer {
  const request = parseBody(call.body);
  const requested = typeof request['model'] === 'string' ? request['model'] : 'omni-moderation-latest';
  const model = resolveModel(call, requested);
  const input = request['input'];
  if (countCharacters(input) === 0) throw missingField('input');
  const results = Array.from({ length: Array.isArray(input) ? input.length : 1 }, () => ({
    flagged: false,
    categories: { hate: false, violence: false },
    category_scores: { hate: 0.000001, violence: 0.000001 },
  }));
  return jsonAnswer(JSON.stringify({ id: `modr-${idSuffix(call)}`, model, results }));
}

/** `POST files` (multipart): takes the file and forgets it. */
export function uploadFile(call: Call): Answer {
  const form = readForm(String(call.headers['content-type']), call.body);
  const purpose = requireField(form, 'purpose');
  const file = form.files.get('file');
  if (file === undefined) throw missingField('file');
  const id = `file-${idSuffix(call)}`;
  const { filename, bytes } = file;
  return jsonAnswer(
    JSON.stringify({
      id,
      object: 'file',
      bytes: bytes.length,
      created_at: CREATED,
      filename,
      purpose,
      status: 'processed',
    }),
  );
}

/** `POST decisions`: one answer, usage of family R without `id` (wire.md 1.2). */
export function decide(call: Call): Answer {
  const request = parseBody(call.body);
  const model = resolveModel(call, requireModel(request));
  const input = inputTokens(countCharacters(request['input']), 1);
  const counts = steerCounts({ input, contentEvents: 1 }, call.steering);
  const usage = call.dialect.responsesUsage(counts);
  const answers = [{ type: 'predicate', name: null, probability: 0.5 }];
  return jsonAnswer(JSON.stringify({ answers, model, ...ifTold(call, { usage }) }));
}

function countWithin(value: unknown, least: number, most: number): number {
  return Math.min(most, Math.max(least, wholeNumber(value, least)));
}

function ifTold(call: Call, members: JsonObject): JsonObject {
  return call.steering.noUsage ? {} : members;
}

/** Events as the media endpoints send them: an `event:` line, no `[DONE]`. */
function eventStream(call: Call, events: readonly (JsonObject & { readonly type: string })[]): Answer {
  const { lineEnd } = framing({ ...call.dialect, lineEnd: '\n' }, call.steering);
  return {
    kind: 'stream',
    events: events.map((it) => `event: ${it.type}${lineEnd}data: ${JSON.stringify(it)}${lineEnd}${lineEnd}`),
  };
}

function requireField(form: Form, name: string): string {
  const value = form.fields.get(name);
  if (value === undefined || value === '') throw missingField(name);
  return value;
}

function missingField(name: string): Error {
  return refusal(400, {
    message: `Missing required parameter: '${name}'.`,
    param: name,
    code: 'missing_required_parameter',
  });
}
