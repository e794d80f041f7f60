import { createServer } from 'node:net';
import { memberOf } from '../management-client.ts';
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts';

export interface ProxyAddress {
  /** Without a trailing `/v1`. */
  readonly url: string;
  readonly adminKey: string;
  /** Where it would listen; null where it runs on another machine. */
  readonly listen: { readonly host: string; readonly port: number } | null;
}

export interface ProxyCheck {
  readonly version: string;
  readonly timeoutMs: number;
}

/** What was found where the proxy listens, and whether a Metertap runs there. */
export interface ProxyFindings {
  readonly findings: readonly Finding[];
  readonly isRunning: boolean;
}

/** Whether a Metertap runs, of which version and whether it is ready; else whether its port is free. */
export async function checkProxy(address: ProxyAddress, how: ProxyCheck): Promise<ProxyFindings> {
  const ask = asking(address, how.timeoutMs);
  let document: Response;
  try {
    document = await ask('/api/v1/openapi.json');
  } catch (error) {
    return { isRunning: false, findings: [await absenceFinding(address, error)] };
  }
  const described = await jsonOf(document);
  if (memberOf(described, 'info', 'title') !== 'Metertap') {
    const hint = 'Stop it, or name another port in listen.port or METERTAP_PORT.';
    return { isRunning: false, findings: [fail('proxy', `${address.url} is served by another program`, hint)] };
  }
  const running = String(memberOf(described, 'info', 'version'));
  const findings = [versionFinding(running, how.version), await readinessFinding(ask), await keyFinding(address, ask)];
  return { isRunning: true, findings };
}

type Ask = (path: string) => Promise<Response>;

function asking({ url, adminKey }: ProxyAddress, timeoutMs: number): Ask {
  const headers = adminKey === '' ? {} : { authorization: `Bearer ${adminKey}` };
  return (path) => fetch(`${url}${path}`, { headers, signal: AbortSignal.timeout(timeoutMs) });
}

async function absenceFinding({ url, listen }: ProxyAddress, error: unknown): Promise<Finding> {
  if (listen === null) {
    return fail('proxy', `${url} does not answer: ${causeOf(error)}`, 'Start it, or correct METERTAP_URL.');
  }
  const fault = await bindFault(listen);
  const where = `${listen.host}:${listen.port}`;
  if (fault === null) return ok('proxy', `does not run; ${where} is free`);
  if (fault === 'EADDRINUSE') {
    return fail(
      'proxy',
      `${where} is taken, and does not answer as Metertap`,
      'Stop what listens there, or name another port.',
    );
  }
  const hint = 'Name an address of this machine in listen.host, and a port that this user may open in listen.port.';
  return fail('proxy', `${where} cannot be listened on (${fault})`, hint);
}

function causeOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : reasonOf(error);
}

/** The code of what keeps a server from listening there; null where nothing does. */
function bindFault(listen: { readonly host: string; readonly port: number }): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve('code' in error ? String(error.code) : 'unknown'));
    server.listen(listen, () => server.close(() => resolve(null)));
  });
}

function versionFinding(running: string, own: string): Finding {
  if (running === own) return ok('proxy', `runs, version ${running}`);
  return warn('proxy', `runs in version ${running}; this is ${own}`, 'Restart it, so that both are the same.');
}

async function readinessFinding(ask: Ask): Promise<Finding> {
  const answer = await ask('/readyz');
  if (answer.ok) return ok('readiness', 'calls can be served');
  const reason = memberOf(await jsonOf(answer), 'reasons', '0', 'message');
  return fail(
    'readiness',
    `calls are refused: ${String(reason ?? answer.status)}`,
    'docs/operations.md says what to do.',
  );
}

async function keyFinding({ adminKey }: ProxyAddress, ask: Ask): Promise<Finding> {
  const hint =
    'Set METERTAP_ADMIN_KEY, or run this as the user and in the folder of the proxy, where data_dir has the key.';
  if (adminKey === '') return fail('admin key', 'there is none', hint);
  const { status } = await ask('/api/v1/teams?limit=1');
  if (status === 200) return ok('admin key', 'is taken');
  return fail('admin key', status === 401 ? 'is not taken (401)' : `the management API answers ${status}`, hint);
}

async function jsonOf(answer: Response): Promise<unknown> {
  return answer.json().catch(() => null); // no JSON says that it is no Metertap
}
