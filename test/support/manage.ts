import { asRecord } from './start-proxy.ts';

/** Where a management API is, and as whom it is asked. */
export interface Managed {
  readonly url: string;
  readonly adminKey: string;
}

export interface ManagementAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Asks the management API; `key` is the administrator's unless said otherwise. */
export async function manage(
  managed: Managed,
  [method, path]: readonly [method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string],
  { body, key }: { body?: unknown; key?: string } = {},
): Promise<ManagementAnswer> {
  const answer = await fetch(`${managed.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key ?? managed.adminKey}` },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: answer.status, body: asRecord(await answer.json()) };
}

/** Makes a key and gives its secret. */
export async function makeKey(managed: Managed, settings: Record<string, unknown>): Promise<string> {
  const { status, body } = await manage(managed, ['POST', '/keys'], { body: settings });
  if (status !== 201) throw new Error(`the key was not made: ${JSON.stringify(body)}`);
  return String(body['secret']);
}
