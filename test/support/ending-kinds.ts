/** The kinds of calls of the endings matrix: what the client asks, and the answer in the pieces that matter. */
export interface CallKind {
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly answer: AnswerPieces;
  /** The pieces as the client is to see them. */
  readonly seen: AnswerPieces;
  readonly answerType: string;
  /** Whether the answer says its length ahead; else it is chunked. */
  readonly hasLength: boolean;
  /** An answer with status 200 that is an error; null where the kind has no place for one. */
  readonly failure: { readonly pieces: AnswerPieces; readonly code: string } | null;
  /** Tokens in and out; null where the answer tells none. */
  readonly tokens: { readonly input: number; readonly output: number } | null;
}

/** An answer is these four, one after the other. */
export interface AnswerPieces {
  readonly first: Buffer;
  readonly middle: Buffer;
  /** What tells the usage; empty where nothing does. */
  readonly usage: Buffer;
  /** What follows the usage. */
  readonly last: Buffer;
}

export type KindName = 'json' | 'chatAsked' | 'chatHidden' | 'responses' | 'background' | 'multipart' | 'binary';

const pieces = (first: string, middle: string, usage = '', last = ''): AnswerPieces => ({
  first: Buffer.from(first),
  middle: Buffer.from(middle),
  usage: Buffer.from(usage),
  last: Buffer.from(last),
});

const NO_PIECES = pieces('', '');
const EVENTS = 'text/event-stream; charset=utf-8';
const JSON_TYPE = 'application/json';
const TOKENS = { input: 40, output: 2 } as const;
const CHAT_USAGE = '{"prompt_tokens":40,"completion_tokens":2,"total_tokens":42}';
const RESPONSES_USAGE = '{"input_tokens":40,"output_tokens":2,"total_tokens":42}';
const ERROR = '{"message":"The server had an error.","type":"server_error","param":null,"code":"server_error"}';
export const RESPONSE_ID = 'resp_of_the_matrix';

const jsonRequest = (body: object) => ({ contentType: JSON_TYPE, body: Buffer.from(JSON.stringify(body)) });

function chatPieces(quiet: string, usage: string): AnswerPieces {
  const head = '{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m","choices":[';
  const event = (choices: string, rest: string) => `data: ${head}${choices}]${rest}}\n\n`;
  return pieces(
    event('{"index":0,"delta":{"content":"first"},"finish_reason":null}', quiet),
    event('{"index":0,"delta":{"content":"the middle"},"finish_reason":"stop"}', quiet),
    usage === '' ? '' : event('', `,"usage":${usage}`),
    'data: [DONE]\n\n',
  );
}

const chat = {
  path: '/v1/chat/completions',
  answer: chatPieces(',"usage":null', CHAT_USAGE),
  answerType: EVENTS,
  hasLength: false,
  failure: {
    pieces: pieces(chatPieces('', '').first.toString(), `data: {"error":${ERROR}}\n\n`),
    code: 'server_error',
  },
  tokens: TOKENS,
} as const;

const JSON_PIECES = pieces(
  '{"id":"chatcmpl-1","object":"chat.completion","model":"m",',
  '"choices":[{"index":0,"message":{"role":"assistant","content":"the middle"},"finish_reason":"stop"}],',
  `"usage":${CHAT_USAGE}}`,
);

const responseEvent = (type: string, rest: string) => `event: ${type}\ndata: {"type":"${type}",${rest}}\n\n`;
const responseObject = (status: string, rest: string) =>
  `"response":{"id":"${RESPONSE_ID}","object":"response","status":"${status}","model":"m",${rest}}`;
const RESPONSE_CREATED = responseEvent('response.created', responseObject('in_progress', '"output":[],"usage":null'));
const RESPONSE_PIECES = pieces(
  RESPONSE_CREATED,
  responseEvent('response.output_text.delta', '"delta":"the middle"'),
  responseEvent('response.completed', responseObject('completed', `"output":[],"usage":${RESPONSES_USAGE}`)),
);

const BACKGROUND_PIECES = pieces(
  `{"id":"${RESPONSE_ID}","object":"response","background":true,`,
  '"status":"queued","model":"m","output":[],"error":null,"usage":null}',
);
/** The background response when it is over, as a retrieve shows it. */
export const RETRIEVED = `{"id":"${RESPONSE_ID}","object":"response","status":"completed","model":"m","output":[],"usage":${RESPONSES_USAGE}}`;

const TRANSCRIPTION_PIECES = pieces(
  '{"text":"first, ',
  'and the middle",',
  `"usage":{"type":"tokens",${RESPONSES_USAGE.slice(1)}}`,
);
const AUDIO_PIECES = pieces('\u0000first bytes of audio', 'the middle of the audio\u0000');
const JSON_FAILURE = { pieces: pieces('{"error":', `${ERROR}}`), code: 'server_error' } as const;

const BOUNDARY = 'matrix-boundary';
const FORM = Buffer.from(
  [
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n`,
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\u0000\u0001\r\n`,
    `--${BOUNDARY}--\r\n`,
  ].join(''),
);

export const KINDS: Readonly<Record<KindName, CallKind>> = {
  json: {
    path: '/v1/chat/completions',
    ...jsonRequest({ model: 'm', messages: [] }),
    answer: JSON_PIECES,
    seen: JSON_PIECES,
    answerType: JSON_TYPE,
    hasLength: true,
    failure: JSON_FAILURE,
    tokens: TOKENS,
  },
  chatAsked: {
    ...chat,
    ...jsonRequest({ model: 'm', messages: [], stream: true, stream_options: { include_usage: true } }),
    seen: chat.answer,
  },
  chatHidden: {
    ...chat,
    ...jsonRequest({ model: 'm', messages: [], stream: true }),
    seen: chatPieces('', ''),
  },
  responses: {
    path: '/v1/responses',
    ...jsonRequest({ model: 'm', input: 'x', stream: true }),
    answer: RESPONSE_PIECES,
    seen: RESPONSE_PIECES,
    answerType: EVENTS,
    hasLength: false,
    failure: {
      pieces: pieces(
        RESPONSE_CREATED,
        responseEvent('error', `"error":${ERROR}`) +
          responseEvent('response.failed', responseObject('failed', `"error":{"code":"server_error"},"usage":null`)),
      ),
      code: 'server_error',
    },
    tokens: TOKENS,
  },
  background: {
    path: '/v1/responses',
    ...jsonRequest({ model: 'm', input: 'x', background: true }),
    answer: BACKGROUND_PIECES,
    seen: BACKGROUND_PIECES,
    answerType: JSON_TYPE,
    hasLength: true,
    failure: {
      pieces: pieces(`{"id":"${RESPONSE_ID}","status":"failed",`, `"error":{"code":"server_error"},"usage":null}`),
      code: 'server_error',
    },
    tokens: TOKENS,
  },
  multipart: {
    path: '/v1/audio/transcriptions',
    contentType: `multipart/form-data; boundary=${BOUNDARY}`,
    body: FORM,
    answer: TRANSCRIPTION_PIECES,
    seen: TRANSCRIPTION_PIECES,
    answerType: JSON_TYPE,
    hasLength: true,
    failure: JSON_FAILURE,
    tokens: TOKENS,
  },
  binary: {
    path: '/v1/audio/speech',
    ...jsonRequest({ model: 'm', input: 'x', voice: 'alloy' }),
    answer: AUDIO_PIECES,
    seen: AUDIO_PIECES,
    answerType: 'audio/mpeg',
    hasLength: false,
    failure: null,
    tokens: null,
  },
};

export const KIND_NAMES: readonly KindName[] = [
  'json',
  'chatAsked',
  'chatHidden',
  'responses',
  'background',
  'multipart',
  'binary',
];

/** Named parts of what a client may have got. */
export type SeenPart =
  | 'nothing'
  | 'first'
  | 'first and half'
  | 'up to usage'
  | 'all'
  | 'failure'
  | 'JSON error'
  | 'HTML error';

export const JSON_ERROR =
  '{"error":{"message":"Slow down.","type":"requests","param":null,"code":"rate_limit_exceeded"}}';
export const HTML_ERROR = '<html><body><h1>503</h1></body></html>\r\n';

/** The bytes that a part stands for. */
export function bytesOf(kind: CallKind, part: SeenPart): Buffer {
  const { first, middle, usage, last } = kind.seen;
  const failure = kind.failure?.pieces ?? NO_PIECES;
  const bytes: Readonly<Record<SeenPart, readonly Buffer[]>> = {
    nothing: [],
    first: [first],
    'first and half': [first, half(middle)],
    'up to usage': [first, middle, usage],
    all: [first, middle, usage, last],
    failure: [failure.first, failure.middle],
    'JSON error': [Buffer.from(JSON_ERROR)],
    'HTML error': [Buffer.from(HTML_ERROR)],
  };
  return Buffer.concat(bytes[part]);
}

export function half(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length >> 1);
}
