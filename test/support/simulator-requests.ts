import { gzipSync } from 'node:zlib';
import type { WireRequest } from './wire-exchange.ts';

/** A request of the catalogue, with what the simulator must say to it, so that none of them fails unnoticed. */
export interface CatalogueRequest extends WireRequest {
  readonly name: string;
  readonly status: number;
  /** Whether Metertap records it; the others repeat usage or have none. */
  readonly isRecorded: boolean;
  /**
   * The same request with usage asked for, where the client did not and the endpoint tells usage only when asked. Its
   * answer without Metertap says what was used.
   */
  readonly asked: WireRequest | null;
}

/** What may be said of a request of the catalogue beside its body. */
export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
}

const CLIENT_KEY = 'sk-client-0123456789';
export const CLIENT_HEADERS = { Authorization: `Bearer ${CLIENT_KEY}`, Accept: '*/*', 'User-Agent': 'test' } as const;
export const MESSAGES = [
  { role: 'system', content: 'You are a test.' },
  { role: 'user', content: 'Say hello, Grüße 👋.' },
];
export const TOOLS = [
  {
    type: 'function',
    function: {
      name: 'look_up',
      parameters: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] },
    },
  },
];

/** A POST of JSON. */
export function postJson(
  name: string,
  path: string,
  body: Readonly<Record<string, unknown>>,
  options: RequestOptions & { readonly isRecorded?: boolean } = {},
): CatalogueRequest {
  const { headers = {}, status = 200, isRecorded = true } = options;
  const allHeaders = { ...CLIENT_HEADERS, 'Content-Type': 'application/json', ...headers };
  const wire = { method: 'POST', path, headers: allHeaders };
  const asks = (path === '/chat/completions' || path === '/completions') && body['stream'] === true;
  const askedBody = JSON.stringify({ ...body, stream_options: { include_usage: true } });
  return {
    name,
    ...wire,
    body: JSON.stringify(body),
    status,
    isRecorded,
    asked: asks && !asksForUsage(body['stream_options']) ? { ...wire, body: askedBody } : null,
  };
}

function asksForUsage(streamOptions: unknown): boolean {
  if (typeof streamOptions !== 'object' || streamOptions === null) return false;
  return 'include_usage' in streamOptions && streamOptions.include_usage === true;
}

/** A request without a body; free. */
export function bare(name: string, method: string, path: string, options: RequestOptions = {}): CatalogueRequest {
  const { headers = {}, status = 200 } = options;
  const wire = { method, path, headers: { ...CLIENT_HEADERS, ...headers }, body: null };
  return { name, ...wire, status, isRecorded: false, asked: null };
}

const BOUNDARY = 'test-boundary-7f3a';

/** A POST of a form: fields in their order, then files of the given content. */
export function postForm(
  name: string,
  path: string,
  form: { readonly fields: Readonly<Record<string, string>>; readonly files: Readonly<Record<string, Buffer>> },
  options: RequestOptions & { readonly isRecorded?: boolean } = {},
): CatalogueRequest {
  const { headers = {}, status = 200, isRecorded = true } = options;
  return {
    name,
    method: 'POST',
    path,
    headers: { ...CLIENT_HEADERS, 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}`, ...headers },
    body: formBody(form.fields, form.files),
    status,
    isRecorded,
    asked: null,
  };
}

function formBody(fields: Readonly<Record<string, string>>, files: Readonly<Record<string, Buffer>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(fields)) {
    parts.push(Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`));
  }
  for (const [name, bytes] of Object.entries(files)) {
    const head = `content-disposition: form-data; name="${name}"; filename="a.bin"\r\ncontent-type: application/octet-stream`;
    parts.push(Buffer.from(`--${BOUNDARY}\r\n${head}\r\n\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

export interface StreamRequests {
  /** The client asked for usage. */
  readonly asked: CatalogueRequest;
  /** The client did not. */
  readonly unasked: CatalogueRequest;
}

/** A chat stream of both kinds of clients. */
export function chatStreams(
  more: Readonly<Record<string, unknown>> = {},
  options: RequestOptions = {},
): StreamRequests {
  const body = { model: 'gpt-5-mini', messages: MESSAGES, stream: true, ...more };
  const asked = { ...body, stream_options: { include_usage: true } };
  return {
    asked: postJson('chat stream, asked', '/chat/completions', asked, options),
    unasked: postJson('chat stream, not asked', '/chat/completions', body, options),
  };
}

/** A stream of legacy completions of both kinds of clients. */
export function completionStreams(options: RequestOptions = {}): StreamRequests {
  const body = { model: 'gpt-3.5-turbo-instruct', prompt: 'Say hello.', stream: true };
  const asked = { ...body, stream_options: { include_usage: true } };
  return {
    asked: postJson('completions stream, asked', '/completions', asked, options),
    unasked: postJson('completions stream, not asked', '/completions', body, options),
  };
}

export const CHAT_JSON = postJson('chat', '/chat/completions', { model: 'gpt-5-mini', messages: MESSAGES });
export const COMPLETION_JSON = postJson('completions', '/completions', {
  model: 'gpt-3.5-turbo-instruct',
  prompt: ['Say hello.', 'And again.'],
});
export const RESPONSE_JSON = postJson('responses', '/responses', { model: 'gpt-5-mini', input: 'Say hello.' });
export const RESPONSE_STREAM = postJson('responses stream', '/responses', {
  model: 'gpt-5-mini',
  input: 'Say hello.',
  stream: true,
});

/** The requests that depend on the dialect of the upstream, steered by `headers`. */
export function dialectRequests(
  headers: Readonly<Record<string, string>>,
  statusOf: (request: CatalogueRequest) => number,
): CatalogueRequest[] {
  const options = { headers };
  const steered = (request: CatalogueRequest) => ({ ...request, headers: { ...request.headers, ...headers } });
  const chat = chatStreams({}, options);
  const completion = completionStreams(options);
  return [
    steered(CHAT_JSON),
    chat.asked,
    chat.unasked,
    steered(COMPLETION_JSON),
    completion.asked,
    completion.unasked,
    steered(RESPONSE_JSON),
    steered(RESPONSE_STREAM),
  ].map((request) => ({ ...request, status: statusOf(request) }));
}

const AUDIO = Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * 31) % 256));
const IMAGE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x0d, 0x0a, 0x2d, 0x2d, 0x00, 0xff]);
const free = { isRecorded: false } as const;

/** Every endpoint of the simulator, once or in each of its forms; those that go on from an earlier one follow it. */
export const EVERY_ENDPOINT: readonly CatalogueRequest[] = [
  bare('models', 'GET', '/models'),
  bare('one model', 'GET', '/models/gpt-5-mini'),
  bare('an unknown model', 'GET', '/models/nope', { status: 404 }),
  bare('the head of models', 'HEAD', '/models', { status: 405 }),
  bare('options', 'OPTIONS', '/models', { status: 405 }),
  bare('an unknown path', 'GET', '/nothing/here?x=%20y', { status: 404 }),
  postJson('a POST to an unknown path', '/nothing/here', { model: 'gpt-5-mini' }, { status: 404 }),

  CHAT_JSON,
  chatStreams().asked,
  chatStreams().unasked,
  postJson(
    'chat, stored',
    '/chat/completions',
    {
      model: 'gpt-5-mini',
      messages: MESSAGES,
      store: true,
      metadata: { a: 'b' },
    },
    { headers: { 'x-sim-id': 'stored' } },
  ),
  bare('stored chats', 'GET', '/chat/completions'),
  bare('a stored chat', 'GET', '/chat/completions/chatcmpl-stored'),
  postJson('metadata of a stored chat', '/chat/completions/chatcmpl-stored', { metadata: { a: 'c' } }, free),
  bare('removal of a stored chat', 'DELETE', '/chat/completions/chatcmpl-stored'),
  bare('a removed chat', 'GET', '/chat/completions/chatcmpl-stored', { status: 404 }),
  postJson('chat with tools', '/chat/completions', { model: 'gpt-5', messages: MESSAGES, tools: TOOLS }),
  chatStreams({ model: 'gpt-5', tools: TOOLS }).asked,
  chatStreams({ model: 'gpt-5', tools: TOOLS }).unasked,
  postJson('chat, three choices', '/chat/completions', { model: 'gpt-4o', messages: MESSAGES, n: 3 }),
  chatStreams({ n: 3 }).asked,
  chatStreams({ n: 3 }).unasked,
  chatStreams({ moderation: {} }).asked,
  chatStreams({ moderation: {} }).unasked,
  chatStreams({ max_completion_tokens: 2 }).unasked,
  postJson(
    'chat, bad steering',
    '/chat/completions',
    { model: 'gpt-5-mini', messages: MESSAGES },
    {
      headers: { 'x-sim-events': 'many' },
      status: 400,
    },
  ),
  postJson(
    'chat, no credential',
    '/chat/completions',
    { model: 'gpt-5-mini', messages: MESSAGES },
    {
      headers: { Authorization: 'Basic eDp5' },
      status: 401,
    },
  ),
  {
    ...CHAT_JSON,
    name: 'chat, a key as Azure has it',
    headers: { 'Api-Key': CLIENT_KEY, 'Content-Type': 'application/json' },
  },
  {
    ...CHAT_JSON,
    name: 'chat, compressed request',
    body: gzipSync(CHAT_JSON.body ?? ''),
    headers: { ...CHAT_JSON.headers, 'Content-Encoding': 'gzip' },
  },
  chatStreams({ stream_options: null }).unasked,
  postJson('chat stream, usage turned down', '/chat/completions', {
    model: 'gpt-5-mini',
    messages: MESSAGES,
    stream: true,
    stream_options: { include_usage: false, include_obfuscation: false },
  }),
  postJson('chat, unknown model', '/chat/completions', { model: 'nope', messages: MESSAGES }, { status: 404 }),
  postJson(
    'chat, stream options alone',
    '/chat/completions',
    {
      model: 'gpt-5-mini',
      messages: MESSAGES,
      stream_options: { include_usage: true },
    },
    { status: 400 },
  ),
  postJson(
    'chat, unknown stream option',
    '/chat/completions',
    {
      model: 'gpt-5-mini',
      messages: MESSAGES,
      stream: true,
      stream_options: { nope: true },
    },
    { status: 400 },
  ),
  postJson('chat, no messages', '/chat/completions', { model: 'gpt-5-mini' }, { status: 400 }),

  COMPLETION_JSON,
  completionStreams().asked,
  completionStreams().unasked,

  RESPONSE_JSON,
  RESPONSE_STREAM,
  postJson(
    'responses with tools',
    '/responses',
    {
      model: 'gpt-5',
      input: 'Look it up.',
      tools: [{ type: 'function', name: 'look_up', parameters: { type: 'object' } }],
    },
    { headers: { 'x-sim-id': 'first' } },
  ),
  postJson('responses, going on', '/responses', {
    model: 'gpt-5',
    previous_response_id: 'resp_first',
    input: [{ type: 'function_call_output', call_id: 'call_first_0', output: 'found' }],
    stream: true,
  }),
  postJson('responses, token limit', '/responses', { model: 'gpt-5', input: 'Hello.', max_output_tokens: 2 }),
  postJson('responses, bad input', '/responses', { model: 'gpt-5', input: 7 }, { status: 400 }),
  bare('a stored response', 'GET', '/responses/resp_first'),
  postJson('a cancel that comes too late', '/responses/resp_first/cancel', {}, { ...free, status: 400 }),
  bare('removal of a response', 'DELETE', '/responses/resp_first'),
  postJson('input tokens', '/responses/input_tokens', { model: 'gpt-5', input: 'Hello.' }, free),
  postJson('compact', '/responses/compact', { model: 'gpt-5', input: 'Hello.' }),

  postJson('embeddings', '/embeddings', { model: 'text-embedding-3-small', input: ['a', 'b'], dimensions: 8 }),
  postJson('embeddings as base64', '/embeddings', {
    model: 'text-embedding-3-large',
    input: [1, 2, 3],
    encoding_format: 'base64',
  }),
  postJson('moderations', '/moderations', { input: 'Hello.' }, free),
  postJson('decisions', '/decisions', { model: 'gpt-5', input: 'Is it so?' }),
  postJson('images', '/images/generations', { model: 'gpt-image-1', prompt: 'A dot.', n: 2 }),
  postJson('images stream', '/images/generations', {
    model: 'gpt-image-1',
    prompt: 'A dot.',
    stream: true,
    partial_images: 2,
  }),
  postForm('image edit', '/images/edits', {
    fields: { prompt: 'A dot.', model: 'gpt-image-1' },
    files: { image: IMAGE },
  }),
  postForm('image edit stream', '/images/edits', {
    fields: { prompt: 'A dot.', stream: 'true', partial_images: '1' },
    files: { image: IMAGE },
  }),
  ...(['json', 'text', 'srt', 'vtt', 'verbose_json'] as const).map((format) =>
    postForm(`transcription as ${format}`, '/audio/transcriptions', {
      fields: { model: 'gpt-4o-transcribe', response_format: format },
      files: { file: AUDIO },
    }),
  ),
  postForm('transcription stream', '/audio/transcriptions', {
    fields: { model: 'gpt-4o-mini-transcribe', stream: 'true' },
    files: { file: AUDIO },
  }),
  postForm('whisper', '/audio/transcriptions', { fields: { model: 'whisper-1' }, files: { file: AUDIO } }),
  postForm(
    'a form without its file',
    '/audio/transcriptions',
    { fields: { model: 'whisper-1' }, files: {} },
    { status: 400 },
  ),
  postForm('translation', '/audio/translations', { fields: { model: 'whisper-1' }, files: { file: AUDIO } }),
  postJson('speech', '/audio/speech', { model: 'tts-1', input: 'Hello.', voice: 'alloy' }),
  postJson('speech stream', '/audio/speech', { model: 'tts-1', input: 'Hello.', voice: 'alloy', stream_format: 'sse' }),
  postForm('file', '/files', { fields: { purpose: 'assistants' }, files: { file: AUDIO } }, free),
];

const withId = (id: string) => ({ headers: { 'x-sim-id': id } });

/** Background responses, each with all that shows it. */
export const BACKGROUND: readonly CatalogueRequest[] = [
  postJson('background', '/responses', { model: 'gpt-5', input: 'Hello.', background: true }, withId('polled')),
  bare('first look', 'GET', '/responses/resp_polled'),
  bare('second look', 'GET', '/responses/resp_polled'),
  bare('third look', 'GET', '/responses/resp_polled'),
  bare('replay', 'GET', '/responses/resp_polled?stream=true'),
  bare('replay from the middle', 'GET', '/responses/resp_polled?stream=true&starting_after=4'),
  postJson(
    'background, cancelled',
    '/responses',
    { model: 'gpt-5', input: 'Hello.', background: true },
    withId('gone'),
  ),
  postJson('cancel', '/responses/resp_gone/cancel', {}, free),
  bare('a look at the cancelled', 'GET', '/responses/resp_gone'),
  postJson(
    'background stream',
    '/responses',
    {
      model: 'gpt-5',
      input: 'Hello.',
      background: true,
      stream: true,
    },
    withId('streamed'),
  ),
  bare('a look at the streamed', 'GET', '/responses/resp_streamed'),
];
