import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import { findConfigPath, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { faultText, readCommandLine } from './command-line.ts';
import { DOCTOR } from './commands/operating.ts';
import { checkBooks } from './doctor/check-books.ts';
import { checkCall } from './doctor/check-call.ts';
import { checkLedger } from './doctor/check-ledger.ts';
import { checkDataFolder, checkNode, checkPermissions } from './doctor/check-machine.ts';
import { checkPrices, checkRedis, checkSinks } from './doctor/check-others.ts';
import { checkProxy, type ProxyAddress } from './doctor/check-proxy.ts';
import { checkUpstream } from './doctor/check-upstreams.ts';
import { type Finding, fail, ok } from './doctor/finding.ts';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';

/** What the command needs of the world; only the process edge has it. */
export interface DoctorContext {
  /** What follows `metertap doctor`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly exists: (path: string) => boolean;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  readonly stop: AbortSignal;
  readonly nowMs: () => number;
  /** That of Metertap. */
  readonly version: string;
  readonly nodeVersion: string;
  /** The text of the bundled price book. */
  readonly readBook: () => string;
  /** Whether standard output shows colours. */
  readonly isColored: boolean;
}

type Options = ReturnType<typeof readOptions>;

const DEFAULT_TIMEOUT_SECONDS = 10;

/**
 * Runs `metertap doctor`: looks at the whole set-up and says what to mend, whether the proxy runs or not. Gives the exit
 * code: 0 where nothing fails (there may be warnings), 1 where something does, 2 (usage).
 */
export async function runDoctorCommand(context: DoctorContext): Promise<number> {
  const line = readCommandLine(DOCTOR, context);
  if (typeof line === 'number') return line;
  const options = readOptions(line.args);
  const timeoutMs = Number(options.timeout ?? DEFAULT_TIMEOUT_SECONDS) * 1_000;
  if (!(timeoutMs > 0 && timeoutMs <= 600_000)) {
    context.writeError(faultText(DOCTOR, '--timeout is a number of seconds, 600 at most.'));
    return EXIT_USAGE;
  }
  const findings: Finding[] = [];
  for await (const finding of examine(context, options, timeoutMs)) {
    findings.push(finding);
    if (!options.json) context.write(lineOf(finding, context.isColored));
  }
  const failures = findings.filter(({ state }) => state === 'fail').length;
  const warnings = findings.filter(({ state }) => state === 'warn').length;
  if (options.json) context.write(`${JSON.stringify({ ok: failures === 0, failures, warnings, findings }, null, 2)}\n`);
  else context.write(`\n${counted(failures, 'failure')}, ${counted(warnings, 'warning')}.\n`);
  return failures === 0 ? EXIT_OK : EXIT_FAILURE;
}

function readOptions(args: string[]) {
  return parseArgs({ args, options: DOCTOR.options }).values;
}

/** The checks in an order in which each explains those after it. */
async function* examine(context: DoctorContext, options: Options, timeoutMs: number): AsyncGenerator<Finding> {
  const { env, exists, readFile, nowMs } = context;
  yield checkNode(context.nodeVersion);
  const path = findConfigPath({ flag: options.config ?? null, env, exists });
  const config = readConfig(() => loadConfig({ path, env, readFile }));
  if ('state' in config) {
    yield config;
    return;
  }
  yield ok('configuration', `${path ?? 'none; the defaults and the environment'}, ${config.auth.mode} mode`);
  yield* checkDataFolder(config.data_dir);
  yield* checkPermissions(config.data_dir, path);
  yield* checkLedger(config.data_dir);

  const address = addressOf(config, context);
  const proxy = await checkProxy(address, { version: context.version, timeoutMs });
  yield* proxy.findings;
  for (const upstream of config.upstreams) {
    yield* await checkUpstream(upstream, { timeoutMs, nowMs, authMode: config.auth.mode });
  }
  yield* checkPrices(config, { bookText: context.readBook(), nowMs: nowMs() });
  if (config.redis_url !== undefined) yield await checkRedis(config.redis_url, timeoutMs);
  yield* await checkSinks(config.sinks, timeoutMs);

  const access = { baseUrl: address.url, adminKey: address.adminKey, stop: context.stop };
  const canAsk = proxy.isRunning && proxy.findings.every(({ check, state }) => check !== 'admin key' || state === 'ok');
  if (canAsk) yield* await checkBooks(access, nowMs());
  if (options.call === undefined) return;
  const credential = credentialOf(config, env);
  if (!canAsk) yield fail('call', 'was not made: the proxy does not run', 'Start it: metertap serve.');
  else if (credential === null)
    yield fail('call', 'was not made: there is no key to make it with', 'Set METERTAP_KEY.');
  else yield* await checkCall(access, { model: options.call, credential, timeoutMs: Math.max(timeoutMs, 60_000) });
}

function readConfig(read: () => Config): Config | Finding {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [first] = error.faults;
    const others = error.faults.length > 1 ? `, and ${error.faults.length - 1} more` : '';
    const text = first === undefined ? 'has faults' : `${first.path}: ${first.message}${others}`;
    return fail('configuration', text, 'metertap config check lists all faults and what to do.');
  }
}

function addressOf(config: Config, { env, exists, readFile }: DoctorContext): ProxyAddress {
  const keyPath = join(config.data_dir, 'secrets', 'admin.key');
  const { host, port } = config.listen;
  const named = env['METERTAP_URL'];
  const local = `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    url: (named ?? local).replace(/\/+$/, '').replace(/\/v1$/, ''),
    adminKey: config.admin_key ?? (exists(keyPath) ? readFile(keyPath).trim() : ''),
    listen: named === undefined ? { host, port } : null,
  };
}

/** What a trial call is made with: in passthrough mode the key of the upstream itself. */
function credentialOf(config: Config, env: DoctorContext['env']): string | null {
  const own = config.auth.mode === 'passthrough' ? config.upstreams[0]?.api_key : config.keys[0]?.key;
  return env['METERTAP_KEY'] ?? own ?? null;
}

const COLORS = { ok: '32', warn: '33', fail: '31' } as const;
const CHECK_WIDTH = 22;

function lineOf({ check, state, text, hint }: Finding, isColored: boolean): string {
  const word = state.padEnd(4);
  const shown = isColored ? `\u001b[${COLORS[state]}m${word}\u001b[0m` : word;
  const advice = hint === null ? '' : `      hint: ${hint}\n`;
  return `${shown}  ${check.padEnd(CHECK_WIDTH)}  ${text}\n${advice}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
