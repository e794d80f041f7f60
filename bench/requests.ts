/** The requests that every candidate gets alike: written out whole, as the official SDK for JavaScript sends them. */

/** A key of Metertap; the other candidates forward it. */
export const CLIENT_KEY = 'bench-key-0123456789abcdef';
/** The load generator puts the number of a run here. */
const RUN_ID = 'run-0000000000000000';

export interface BenchRequest {
  readonly path: string;
  readonly body: string;
}

/**
 * A chat request of about `bytes` bytes. `burst` asks the paced upstream to answer at once, for a warm-up; `large` asks
 * it for large events.
 */
export function chatRequest(
  bytes: number,
  options: { stream?: 'plain' | 'usage'; burst?: boolean; large?: boolean } = {},
): BenchRequest {
  const stream = options.stream ? '"stream":true,' : '';
  const usage = options.stream === 'usage' ? '"stream_options":{"include_usage":true},' : '';
  const seed = options.burst ? '"seed":1,' : options.large ? '"seed":2,' : '';
  const begin = `{"model":"gpt-5-mini",${stream}${usage}${seed}"temperature":1.0,"messages":[${SYSTEM}`;
  return { path: '/v1/chat/completions', body: `${begin}${messages(bytes - begin.length - 2)}]}` };
}

/** A Responses request for a stream. */
export function responsesRequest(bytes: number): BenchRequest {
  const begin = `{"model":"gpt-5-mini","stream":true,"input":[${SYSTEM}`;
  return { path: '/v1/responses', body: `${begin}${messages(bytes - begin.length - 2)}]}` };
}

const SYSTEM = '{"role":"system","content":"You are a helpful assistant."}';
const PROSE = 'The quick brown fox says \\"hello\\" to the lazy dog.\\n';
/** Bytes of prose in one message; long contexts are many messages. */
const MESSAGE_BYTES = 2000;

function messages(bytes: number): string {
  let text = '';
  while (text.length < bytes) {
    const role = text.length % 2 === 0 ? 'user' : 'assistant';
    const repeats = Math.max(1, Math.floor(Math.min(MESSAGE_BYTES, bytes - text.length - 40) / PROSE.length));
    text += `,{"role":"${role}","content":"${PROSE.repeat(repeats)}"}`;
  }
  return text;
}

/** The bytes of a request on the wire. */
export function wireBytes(request: BenchRequest, port: number, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries({
    Host: `127.0.0.1:${port}`,
    Accept: 'application/json',
    'Content-Type': 'application/json',
    'User-Agent': 'OpenAI/JS 7.57.0',
    'X-Stainless-Lang': 'js',
    'X-Stainless-Package-Version': '7.57.0',
    'X-Stainless-OS': 'Linux',
    'X-Stainless-Arch': 'x64',
    'X-Stainless-Runtime': 'node',
    'X-Stainless-Runtime-Version': 'v24.21.0',
    'X-Stainless-Retry-Count': '0',
    'X-Stainless-Timeout': '600',
    Authorization: `Bearer ${CLIENT_KEY}`,
    'x-metertap-run-id': RUN_ID,
    'x-metertap-agent': 'planner',
    'Accept-Encoding': 'gzip, deflate',
    ...headers,
    'Content-Length': String(Buffer.byteLength(request.body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${request.path} HTTP/1.1\r\n${lines.join('')}\r\n${request.body}`);
}
