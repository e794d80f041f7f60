import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import { findConfigPath, loadConfig } from '../config/load.ts';
import { type LocalSecrets, openLocalSecrets } from '../config/local-secrets.ts';
import type { Config } from '../config/schema.ts';
import type { ChangeAuthor } from '../ledger/access-book.ts';
import { LedgerError } from '../ledger/ledger-error.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { readCommandLine } from './command-line.ts';
import { SERVE } from './commands/serving.ts';
import { EXIT_CONFIG, EXIT_FAILURE, EXIT_OK } from './exit-codes.ts';

const BY_SIGNAL: ChangeAuthor = { actor: 'signal:SIGHUP', requestId: null, address: null };

/** A proxy that runs, as far as a command needs to know it. */
export interface RunningProxy {
  readonly url: string;
  reload(author: ChangeAuthor): Promise<unknown>;
  close(): Promise<void>;
}

export interface StartInput {
  readonly config: Config;
  readonly secrets: LocalSecrets;
  readonly readConfig: () => Config;
  readonly logger: Logger;
}

/** What a command that serves needs of the world; only the process edge has it. */
export interface ServeContext {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly exists: (path: string) => boolean;
  /** Takes what goes to standard output. */
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** Aborts on SIGTERM and SIGINT. */
  readonly stop: AbortSignal;
  /** Registers what SIGHUP does. */
  readonly onHangup: (reload: () => void) => void;
  readonly start: (input: StartInput) => Promise<RunningProxy>;
}

/**
 * Runs `metertap serve` until the stop. Gives the exit code: 0 after a clean stop, 1 where it cannot start, 2 (usage),
 * 78 (configuration).
 */
export async function serveCommand(context: ServeContext): Promise<number> {
  const line = readCommandLine(SERVE, context);
  if (typeof line === 'number') return line;
  const { values: flags } = parseArgs({ args: line.args, options: SERVE.options });
  const readConfig = () => {
    const path = findConfigPath({ flag: flags.config ?? null, env: context.env, exists: context.exists });
    return loadConfig({ path, env: context.env, readFile: context.readFile });
  };
  return serveConfig(context, readConfig, flags.json === true);
}

/** Serves with the configuration that `readConfig` gives, until the stop. */
export async function serveConfig(context: ServeContext, readConfig: () => Config, asJson: boolean): Promise<number> {
  let config: Config | null = null;
  try {
    config = readConfig();
    const secrets = openLocalSecrets(config.data_dir);
    const logger = createLogger({ level: config.log.level });
    const proxy = await context.start({ config, secrets, readConfig, logger });
    context.onHangup(() => {
      proxy
        .reload(BY_SIGNAL)
        .catch((error: unknown) => logger.error({ err: error }, 'the configuration was not reloaded'));
    });
    context.write(asJson ? greetingJson(proxy, config, secrets) : greeting(proxy, config, secrets));
    await aborted(context.stop);
    await proxy.close();
    await logger.close();
    return EXIT_OK;
  } catch (error) {
    context.writeError(`${startFailure(error, config)}\n`);
    return error instanceof ConfigError ? EXIT_CONFIG : EXIT_FAILURE;
  }
}

/** What the first look must tell: where SDKs point, where people look, where the admin key is. */
function greeting(proxy: RunningProxy, config: Config, secrets: LocalSecrets): string {
  const upstreams = config.upstreams.map((upstream) => `${upstream.name} (${upstream.base_url})`).join(', ');
  return `Metertap is running in ${config.auth.mode} mode.

  Base URL for SDKs   ${proxy.url}/v1
  Dashboard           ${proxy.url}/dashboard
  Admin key           ${config.admin_key === undefined ? secrets.adminKeyPath : 'as configured (admin_key)'}
  Upstream            ${upstreams}
  Ledger              ${config.data_dir}

`;
}

function greetingJson(proxy: RunningProxy, config: Config, secrets: LocalSecrets): string {
  const told = {
    base_url: `${proxy.url}/v1`,
    url: proxy.url,
    dashboard_url: `${proxy.url}/dashboard`,
    auth_mode: config.auth.mode,
    admin_key_path: config.admin_key === undefined ? secrets.adminKeyPath : null,
    data_dir: config.data_dir,
  };
  return `${JSON.stringify(told)}\n`;
}

function startFailure(error: unknown, config: Config | null): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof LedgerError) return `The ledger cannot be opened: ${error.message}\nhint: ${error.hint}`;
  const told = config === null ? null : systemFailure(error, config);
  return told ?? `Metertap cannot start: ${error instanceof Error ? error.message : String(error)}`;
}

/** What the operating system refused, in words and with what to do; null where it is no error of the system. */
function systemFailure(error: unknown, { listen, data_dir: dataDir }: Config): string | null {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return null;
  if ('path' in error) {
    return `The data folder ${dataDir} cannot be used: ${error.message}
hint: make it writable for the user that runs Metertap, or name another folder in data_dir or METERTAP_DATA_DIR.`;
  }
  if (error.syscall !== 'listen' && error.syscall !== 'getaddrinfo') return null;
  const address = `${listen.host}:${listen.port}`;
  if (error.code === 'EADDRINUSE') {
    return `The address ${address} is in use already.
hint: stop what listens there, or name another port in listen.port or METERTAP_PORT. Several processes of Metertap can
share a port where each of them has listen.reuse_port: true.`;
  }
  return `The address ${address} cannot be listened on: ${error.message}
hint: name an address of this machine in listen.host or METERTAP_HOST, and a port that this user may open.`;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
