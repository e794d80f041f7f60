import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type LocalSecrets, openLocalSecrets } from '../../src/config/local-secrets.ts';
import type { Clock } from '../../src/core/clock.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

/** A whole Metertap on a free port with a ledger in a folder of its own. `await using` closes it. */
export interface TestProxy extends AsyncDisposable {
  readonly url: string;
  readonly baseUrl: string;
  readonly adminKey: string;
  readonly dataDir: string;
  readonly app: App;
  /** The lines that the proxy has logged, parsed. */
  readonly logLines: readonly Record<string, unknown>[];
  /** Asks the management API as administrator and gives the JSON answer. */
  ask(path: string): Promise<Record<string, unknown>>;
  /** All records, oldest first, once none is in flight any more. */
  records(): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export interface TestProxyOptions {
  readonly upstreamUrl: string;
  /** Further configuration, as YAML. */
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A folder to go on with; without it the proxy has one of its own, removed at its end. */
  readonly dataDir?: string;
  /** The time; without it that of the machine. */
  readonly clock?: Clock;
  /** False: clients' requests are all read by Node's `http`. */
  readonly ownHttp?: boolean;
}

export async function startProxy(options: TestProxyOptions): Promise<TestProxy> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'metertap-test-'));
  const logLines: Record<string, unknown>[] = [];
  const readConfig = () =>
    loadConfig({
      path: 'test.yaml',
      env: {
        METERTAP_PORT: '0',
        METERTAP_UPSTREAM_URL: options.upstreamUrl,
        METERTAP_DATA_DIR: dataDir,
        ...options.env,
      },
      readFile: () => options.yaml ?? '',
    });
  const config = readConfig();
  const secrets: LocalSecrets = openLocalSecrets(dataDir);
  const logger = createLogger({
    level: config.log.level,
    destination: { write: (line: string) => void logLines.push(JSON.parse(line)) },
  });
  const app = await startApp({
    config,
    secrets,
    readConfig,
    logger,
    version: 'test',
    nodeVersion: process.version,
    collectProcessMetrics: false,
    ownHttp: options.ownHttp ?? true,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  const adminKey = config.admin_key ?? secrets.adminKey;
  const ask = async (path: string) => {
    const answer = await fetch(`${app.url}${path}`, { headers: { authorization: `Bearer ${adminKey}` } });
    return asRecord(await answer.json());
  };
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await app.close();
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  return {
    url: app.url,
    baseUrl: `${app.url}/v1`,
    adminKey,
    dataDir,
    app,
    logLines,
    ask,
    records: () => settledRecords(ask),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Reads the ledger until no call is in flight: an ending is written after the client has seen it. */
async function settledRecords(ask: TestProxy['ask']): Promise<Record<string, unknown>[]> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const records: Record<string, unknown>[] = [];
    let cursor: string | null = null;
    do {
      const page = await ask(
        `/api/v1/records?limit=100${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      records.push(...asList(page['data']).map(asRecord));
      cursor = typeof page['next_cursor'] === 'string' ? page['next_cursor'] : null;
    } while (cursor !== null);
    if (records.every((record) => record['ending'] !== 'in_flight')) return records.reverse();
    if (Date.now() > deadline) throw new Error('calls are still in flight after 20 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`no object: ${value}`);
  return { ...value };
}

export function asList(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Error(`no list: ${JSON.stringify(value)}`);
  return value;
}
