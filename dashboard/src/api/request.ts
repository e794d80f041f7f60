import { type Shape, ShapeError } from './shape.ts';

/** What the management API refused, or why it could not be asked. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  /** @param status 0 where there was no answer */
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export type Query = Readonly<Record<string, string | number | readonly string[] | null | undefined>>;

/** A path of the management API with its query; members that are null or empty are left out. */
export function apiPath(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '') continue;
    if (typeof value === 'object') for (const item of value) parameters.append(`${name}[]`, item);
    else parameters.append(name, String(value));
  }
  const text = parameters.toString();
  return `/api/v1${path}${text === '' ? '' : `?${text}`}`;
}

/** Asks, and reads the answer. Throws ApiError. */
export async function getJson<Value>(path: string, shape: Shape<Value>, signal?: AbortSignal): Promise<Value> {
  return readAnswer(await send(path, signal === undefined ? {} : { signal }), shape);
}

/** Changes something, and reads the answer. Throws ApiError. */
export async function changeJson<Value>(
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  { body, shape }: { readonly body?: unknown; readonly shape: Shape<Value> },
): Promise<Value> {
  const headers = { 'x-metertap-csrf': '1', ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const answer = await send(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return readAnswer(answer, shape);
}

async function send(path: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { credentials: 'same-origin', ...options });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'unreachable', 'Metertap does not answer. It may be restarting.');
  }
}

async function readAnswer<Value>(answer: Response, shape: Shape<Value>): Promise<Value> {
  const body: unknown = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw refusal(answer.status, body);
  try {
    return shape(body, 'answer');
  } catch (cause) {
    if (cause instanceof ShapeError) throw new ApiError(answer.status, 'unreadable', cause.message);
    throw cause;
  }
}

function refusal(status: number, body: unknown): ApiError {
  const error = memberOf(body, 'error');
  const message = memberOf(error, 'message');
  const code = memberOf(error, 'code');
  return new ApiError(
    status,
    typeof code === 'string' ? code : 'unknown',
    typeof message === 'string' ? message : `The answer has the status ${status}.`,
  );
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
