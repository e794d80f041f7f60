import { asRecord, type TestProxy } from './start-proxy.ts';

/** A credential of a client; in passthrough mode any will do. */
export const CLIENT_KEY = 'sk-client-0123456789';

export const CHAT = { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Say hello.' }] };

export interface PostOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string;
  readonly signal?: AbortSignal;
  /** `/v1` unless said otherwise. */
  readonly base?: string;
}

/** Posts JSON (text goes as it is) to a path below the base URL. */
export function post(proxy: TestProxy, path: string, body: unknown, options: PostOptions = {}): Promise<Response> {
  return fetch(`${proxy.url}${options.base ?? '/v1'}/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.key ?? CLIENT_KEY}`,
      'content-type': 'application/json',
      ...options.headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: options.signal ?? null,
  });
}

/** Posts and gives the answer once it has been read whole. */
export async function postWhole(
  proxy: TestProxy,
  path: string,
  body: unknown,
  options: PostOptions = {},
): Promise<{ status: number; headers: Headers; text: string }> {
  const answer = await post(proxy, path, body, options);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** Gets a path below the base URL. */
export function get(proxy: TestProxy, path: string, key = CLIENT_KEY): Promise<Response> {
  return fetch(`${proxy.baseUrl}/${path}`, { headers: { authorization: `Bearer ${key}` } });
}

/** The error of an answer in the OpenAI envelope, checked for its four members. */
export function errorOf(text: string): Record<string, unknown> {
  const envelope = asRecord(JSON.parse(text));
  const error = asRecord(envelope['error']);
  const names = Object.keys(error).sort().join();
  if (Object.keys(envelope).length !== 1 || names !== 'code,message,param,type') {
    throw new Error(`no error envelope: ${text}`);
  }
  return error;
}

/** The only record, once there is one and no call is in flight. */
export async function onlyRecord(proxy: TestProxy): Promise<Record<string, unknown>> {
  const records = await recordsOnceThere(proxy, 1);
  const [record] = records;
  if (record === undefined || records.length !== 1) throw new Error(`${records.length} records, not one`);
  return record;
}

/** All records, oldest first, once there are at least `count` and no call is in flight. */
export async function recordsOnceThere(proxy: TestProxy, count: number): Promise<Record<string, unknown>[]> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const records = await proxy.records();
    if (records.length >= count) return records;
    if (Date.now() > deadline) throw new Error(`${records.length} records after 20 s, not ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
