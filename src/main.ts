#!/usr/bin/env node
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { overview } from './cli/command-help.ts';
import { askedAction } from './cli/command-line.ts';
import { COMMANDS, type CommandName, findCommand } from './cli/command-table.ts';
import { PRICES } from './cli/commands/money.ts';
import { EXIT_CONFIG, EXIT_OK, EXIT_USAGE } from './cli/exit-codes.ts';
import type { LocalAccess } from './cli/local-access.ts';
import type { ServeContext } from './cli/serve-command.ts';
import { nearestName } from './config/nearest-name.ts';

/**
 * The process edge: the only place that touches `process`. It reads the command and hands it what it needs. A command
 * is loaded when it is asked for, so that each pays for its own modules only.
 */

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());

const write = (text: string) => void process.stdout.write(text);
const writeError = (text: string) => void process.stderr.write(text);
/** Resolves once there is room for more, so that a slow reader of standard output slows the command down. */
const writeBytes = (bytes: Uint8Array) =>
  new Promise<void>((resolve, reject) => process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())));
/** Whether a person looks at what is told on the way. */
const isWatched = process.stderr.isTTY === true;
const readFile = (path: string) => readFileSync(path, 'utf8');
const world = { env: process.env, readFile, exists: existsSync, write, writeError, stop: stop.signal };

async function serveContext(args: readonly string[]): Promise<ServeContext> {
  const { startApp } = await import('./app.ts');
  return {
    ...world,
    args,
    onHangup: (reload) => void process.on('SIGHUP', reload),
    start: (input) =>
      startApp({ ...input, version: packageVersion(), nodeVersion: process.version, collectProcessMetrics: true }),
  };
}

const NOWHERE: LocalAccess = { baseUrl: '', adminKey: '' };

/**
 * Runs a command that asks a running Metertap; a faulty configuration ends it before. Help and what is wrong with the
 * arguments are told whatever the configuration is.
 */
async function asksLocal(
  { name, args }: { readonly name: CommandName; readonly args: readonly string[] },
  command: (access: LocalAccess) => Promise<number>,
): Promise<number> {
  const entry = findCommand(name);
  if (entry !== undefined && askedAction(entry, args) === null) return command(NOWHERE);
  const [{ localAccess }, { ConfigError }] = await Promise.all([
    import('./cli/local-access.ts'),
    import('./config/config-error.ts'),
  ]);
  let access: LocalAccess;
  try {
    access = localAccess(world);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    writeError(`${error.message}\n`);
    return EXIT_CONFIG;
  }
  return command(access);
}

function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const version = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null;
  return typeof version === 'string' ? version : 'unknown';
}

/** What each command of the table is run by, with what follows its name. Gives the exit code. */
const RUNNERS: Readonly<Record<CommandName, (args: readonly string[]) => Promise<number>>> = {
  serve: async (args) => {
    const { serveCommand } = await import('./cli/serve-command.ts');
    return serveCommand(await serveContext(args));
  },
  demo: async (args) => {
    const { demoCommand } = await import('./cli/demo-command.ts');
    return demoCommand(await serveContext(args));
  },
  simulate: async (args) => {
    const { simulateCommand } = await import('./cli/simulate-command.ts');
    return simulateCommand({ ...world, args });
  },
  runs: async (args) => {
    const { runRunsCommand } = await import('./cli/runs-command.ts');
    return asksLocal({ name: 'runs', args }, (access) => runRunsCommand({ ...world, ...access, args }));
  },
  usage: async (args) => {
    const { runUsageCommand } = await import('./cli/usage-command.ts');
    return asksLocal({ name: 'usage', args }, (access) => runUsageCommand({ ...world, ...access, args }));
  },
  export: async (args) => {
    const { runExportCommand } = await import('./cli/export-command.ts');
    return asksLocal({ name: 'export', args }, (access) =>
      runExportCommand({ ...world, ...access, args, nowMs: Date.now, writeBytes, isWatched }),
    );
  },
  prices: async (args) => {
    const [{ runPricesCommand }, { readBookText }] = await Promise.all([
      import('./cli/prices-command.ts'),
      import('./app.ts'),
    ]);
    const context = { ...world, args, readBook: readBookText, nowMs: Date.now };
    if (askedAction(PRICES, args) !== 'check') return runPricesCommand(context);
    const { runPricesCheckCommand } = await import('./cli/prices-check-command.ts');
    return asksLocal({ name: 'prices', args }, (access) => runPricesCheckCommand({ ...context, ...access }));
  },
  statement: async (args) => {
    const { runStatementCommand } = await import('./cli/statement-command.ts');
    return asksLocal({ name: 'statement', args }, (access) =>
      runStatementCommand({ ...world, ...access, args, writeFile: writeFileSync }),
    );
  },
  reprice: async (args) => {
    const { runRepriceCommand } = await import('./cli/reprice-command.ts');
    return asksLocal({ name: 'reprice', args }, (access) => runRepriceCommand({ ...world, ...access, args }));
  },
  reconcile: async (args) => {
    const { runReconcileCommand } = await import('./cli/reconcile-command.ts');
    return asksLocal({ name: 'reconcile', args }, (access) =>
      runReconcileCommand({ ...world, ...access, args, nowMs: Date.now }),
    );
  },
  keys: async (args) => {
    const { runKeysCommand } = await import('./cli/keys-command.ts');
    return asksLocal({ name: 'keys', args }, (access) => runKeysCommand({ ...world, ...access, args }));
  },
  teams: async (args) => {
    const { runTeamsCommand } = await import('./cli/teams-command.ts');
    return asksLocal({ name: 'teams', args }, (access) => runTeamsCommand({ ...world, ...access, args }));
  },
  sinks: async (args) => {
    const { runSinksCommand } = await import('./cli/sinks-command.ts');
    return asksLocal({ name: 'sinks', args }, (access) => runSinksCommand({ ...world, ...access, args }));
  },
  config: async (args) => {
    const { runConfigCommand } = await import('./cli/config-command.ts');
    return runConfigCommand({ ...world, args });
  },
  doctor: async (args) => {
    const [{ runDoctorCommand }, { readBookText }] = await Promise.all([
      import('./cli/doctor-command.ts'),
      import('./app.ts'),
    ]);
    const isColored = process.stdout.isTTY === true && !process.env['NO_COLOR'];
    const versions = { version: packageVersion(), nodeVersion: process.version };
    return runDoctorCommand({ ...world, ...versions, args, nowMs: Date.now, readBook: readBookText, isColored });
  },
  completion: async (args) => {
    const { runCompletionCommand } = await import('./cli/completion-command.ts');
    return runCompletionCommand({ ...world, args }, COMMANDS);
  },
};

async function run([name, ...args]: readonly string[]): Promise<number> {
  if (name === 'help' && args.length > 0) return run([...args, '--help']);
  if (name === '--help' || name === '-h' || name === 'help') {
    write(overview(COMMANDS));
    return EXIT_OK;
  }
  if (name === '--version') {
    write(`${packageVersion()}\n`);
    return EXIT_OK;
  }
  const command = findCommand(name ?? '');
  if (command !== undefined) return RUNNERS[command.name](args);
  const nearest = nearestName(name ?? '', [...COMMANDS.map((known) => known.name), 'help']);
  const proposal = nearest === null ? '' : ` Did you mean ${nearest}?`;
  const fault = `metertap: there is no command ${name}.${proposal}\n\nUsage: metertap <command> [options]\n\nmetertap --help lists the commands.\n`;
  writeError(name === undefined ? overview(COMMANDS) : fault);
  return EXIT_USAGE;
}

process.exitCode = await run(process.argv.slice(2));
