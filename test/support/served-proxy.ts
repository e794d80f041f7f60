import { readFileSync } from 'node:fs';
import { type CliProcess, type Exit, startCli } from './cli-process.ts';
import { asList, asRecord } from './start-proxy.ts';

/** `metertap serve` as a process of its own, and its management API as administrator. */
export interface ServedProxy extends AsyncDisposable {
  readonly url: string;
  readonly baseUrl: string;
  readonly cli: CliProcess;
  ask(path: string): Promise<Record<string, unknown>>;
  /** All ledger rows that fit the query, oldest first, open ones included. */
  records(query?: string): Promise<Record<string, unknown>[]>;
  kill(signal: NodeJS.Signals): Promise<Exit>;
}

export interface ServedProxyOptions {
  readonly upstreamUrl: string;
  /** Also the folder that it is started in. */
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** As in `CliOptions`. */
  readonly wrapper?: readonly string[];
}

/** Starts `metertap serve` on a free port over the given data folder, and waits until it says that it serves. */
export async function serveProxy(options: ServedProxyOptions): Promise<ServedProxy> {
  const cli = startCli(['serve', '--json'], {
    cwd: options.dataDir,
    ...(options.wrapper === undefined ? {} : { wrapper: options.wrapper }),
    env: {
      METERTAP_PORT: '0',
      METERTAP_DATA_DIR: options.dataDir,
      METERTAP_UPSTREAM_URL: options.upstreamUrl,
      METERTAP_LOG_LEVEL: 'error',
      ...options.env,
    },
  });
  const [line] = await cli.output(/^\{"base_url".*\}$/m);
  const told = asRecord(JSON.parse(line));
  const url = String(told['url']);
  const adminKey = options.env?.['METERTAP_ADMIN_KEY'] ?? readFileSync(String(told['admin_key_path']), 'utf8').trim();
  const ask = async (path: string) => {
    const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${adminKey}` } });
    const body = asRecord(await answer.json());
    if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(body)}`);
    return body;
  };
  return {
    url,
    baseUrl: String(told['base_url']),
    cli,
    ask,
    records: (query = '') => readRecords(ask, query),
    kill: (signal) => cli.kill(signal),
    [Symbol.asyncDispose]: () => cli[Symbol.asyncDispose](),
  };
}

async function readRecords(ask: ServedProxy['ask'], query: string): Promise<Record<string, unknown>[]> {
  const records: Record<string, unknown>[] = [];
  let cursor: unknown = null;
  do {
    const further = typeof cursor === 'string' ? `&cursor=${encodeURIComponent(cursor)}` : '';
    const page = await ask(`/api/v1/records?limit=1000${query === '' ? '' : `&${query}`}${further}`);
    records.push(...asList(page['data']).map(asRecord));
    cursor = page['next_cursor'];
  } while (typeof cursor === 'string');
  return records.reverse();
}
