/** Where a command finds a running Metertap, and as whom it asks. */
export interface ManagementAccess {
  /** With or without a trailing `/v1`, as SDKs are given it. */
  readonly baseUrl: string;
  readonly adminKey: string;
  /** Ends what is under way; a watch ends well by it. */
  readonly stop: AbortSignal;
}

/** A question that got no answer; the message is for the person at the terminal. */
export class ManagementFailure extends Error {
  override readonly name = 'ManagementFailure';
}

/** Lists are written with brackets, so that commas in their values part nothing. */
export type ManagementQuery = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Gets one JSON answer of the management API. Throws `ManagementFailure`. */
export async function askManagement(access: ManagementAccess, path: string, query: ManagementQuery): Promise<unknown> {
  const answer = await request(access, path, { query });
  return readJson(answer);
}

/** Has the management API change something, and gives its JSON answer. Throws `ManagementFailure`. */
export async function changeManagement(
  access: ManagementAccess,
  path: string,
  change: { readonly method: 'POST' | 'PATCH' | 'DELETE'; readonly body?: object },
): Promise<unknown> {
  const answer = await request(access, path, change);
  return readJson(answer);
}

/** Gets one answer of the management API as it stands. Throws `ManagementFailure`. */
export async function askManagementText(
  access: ManagementAccess,
  path: string,
  query: ManagementQuery,
): Promise<string> {
  return (await request(access, path, { query })).text();
}

/** Opens a stream of the management API. Throws `ManagementFailure`. */
export async function openManagementStream(
  access: ManagementAccess,
  path: string,
  query: ManagementQuery,
): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await request(access, path, { query });
  if (body === null) throw new ManagementFailure('The answer has no body.');
  return body;
}

/** A file that is being sent: its bytes, and the headers that came before them. */
export interface ManagementDownload {
  readonly body: AsyncIterable<Uint8Array>;
  readonly header: (name: string) => string | null;
}

/** Opens a download of the management API. Throws `ManagementFailure`; reading the body may throw anything. */
export async function openManagementDownload(
  access: ManagementAccess,
  path: string,
  query: ManagementQuery,
): Promise<ManagementDownload> {
  const { body, headers } = await request(access, path, { query });
  if (body === null) throw new ManagementFailure('The answer has no body.');
  return { body, header: (name) => headers.get(name) };
}

interface ManagementRequest {
  readonly method?: 'POST' | 'PATCH' | 'DELETE';
  readonly query?: ManagementQuery;
  readonly body?: object;
}

async function request(access: ManagementAccess, path: string, asked: ManagementRequest): Promise<Response> {
  const url = managementUrl(access.baseUrl, path, asked.query ?? {});
  let answer: Response;
  try {
    answer = await fetch(url, {
      method: asked.method ?? 'GET',
      headers: { authorization: `Bearer ${access.adminKey}`, 'content-type': 'application/json' },
      body: asked.body === undefined ? null : JSON.stringify(asked.body),
      signal: access.stop,
    });
  } catch (cause) {
    if (access.stop.aborted) throw cause;
    throw new ManagementFailure(`Cannot reach Metertap at ${url.origin}. Is it running?`, { cause });
  }
  if (!answer.ok) throw new ManagementFailure(await refusalText(answer));
  return answer;
}

function managementUrl(baseUrl: string, path: string, query: ManagementQuery): URL {
  const root = baseUrl.replace(/\/+$/, '').replace(/\/v1$/, '');
  if (!URL.canParse(root)) throw new ManagementFailure(`${JSON.stringify(baseUrl)} is not a URL.`);
  const url = new URL(`${root}/api/v1${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (typeof value === 'string') url.searchParams.set(name, value);
    else for (const item of value ?? []) url.searchParams.append(`${name}[]`, item);
  }
  return url;
}

async function readJson(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch (cause) {
    throw new ManagementFailure('The answer is not JSON. Is the URL that of a Metertap?', { cause });
  }
}

async function refusalText(answer: Response): Promise<string> {
  const body = await readJson(answer).catch(() => null); // the status alone says enough
  const message = memberOf(body, 'error', 'message');
  return typeof message === 'string'
    ? `${message} (HTTP ${answer.status})`
    : `Metertap answered HTTP ${answer.status}.`;
}

/** A member of a JSON value, found by its path; undefined where there is none. */
export function memberOf(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = Reflect.get(at, name);
  }
  return at;
}

/** A member that is a list; empty where there is none. */
export function listOf(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const member = memberOf(value, ...path);
  return Array.isArray(member) ? member : [];
}
