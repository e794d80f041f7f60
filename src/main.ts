#!/usr/bin/env node
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { EXIT_CONFIG, EXIT_OK, EXIT_USAGE } from './cli/exit-codes.ts';
import type { LocalAccess } from './cli/local-access.ts';
import type { ServeContext } from './cli/serve-command.ts';

/**
 * The process edge: the only place that touches `process`. It reads the command and hands it what it needs. A command
 * is loaded when it is asked for, so that each pays for its own modules only.
 */

const USAGE = `Usage: metertap <command> [options]

  serve       run the proxy                                  metertap serve --config metertap.yaml
  demo        run it against a built-in upstream, with data  metertap demo
  simulate    run only the built-in upstream                 metertap simulate --port 9099
  export      records as CSV, JSON lines or FOCUS            metertap export --from 2026-11-01 --output november.csv
  runs        list, show or watch agent runs                 metertap runs show nightly-42
  keys        make, change, rotate and revoke keys           metertap keys create --team research
  teams       make, change and delete teams                  metertap teams list
  usage       tokens and costs by team, model, key, …        metertap usage --group-by team,model
  prices      show what a model costs, and why               metertap prices show --model gpt-5-mini
  sinks       list, test or retry where events are sent      metertap sinks list
  reprice     correct costs by the prices of now             metertap reprice --from 2026-11-01 --to 2026-12-01 --reason "…"
  statement   what a team's month has cost; close months     metertap statement --team research --month 2026-11
  reconcile   compare with what the upstream counted         metertap reconcile --from 2026-11-01 --to 2026-12-01
  config      check or print the configuration               metertap config check

  metertap <command> --help tells more.
`;

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
const world = { env: process.env, readFile, exists: existsSync, write, writeError };

async function serveContext(args: readonly string[]): Promise<ServeContext> {
  const { startApp } = await import('./app.ts');
  return {
    ...world,
    args,
    stop: stop.signal,
    onHangup: (reload) => void process.on('SIGHUP', reload),
    start: (input) =>
      startApp({ ...input, version: packageVersion(), nodeVersion: process.version, collectProcessMetrics: true }),
  };
}

/** Runs a command that asks a running Metertap; a faulty configuration ends it before. */
async function asksLocal(command: (access: LocalAccess) => Promise<number>): Promise<number> {
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

async function simulate(args: readonly string[]): Promise<number> {
  const { SIMULATE_OPTIONS, SIMULATE_USAGE, simulateCommand } = await import('./cli/simulate-command.ts');
  try {
    const { values } = parseArgs({ args: [...args], options: SIMULATE_OPTIONS });
    return await simulateCommand(values, { write, writeError }, stop.signal);
  } catch (error) {
    writeError(`${error instanceof Error ? error.message : String(error)}\n\n${SIMULATE_USAGE}`);
    return EXIT_USAGE;
  }
}

async function prices(args: readonly string[]): Promise<number> {
  const [{ runPricesCommand }, { readBookText }] = await Promise.all([
    import('./cli/prices-command.ts'),
    import('./app.ts'),
  ]);
  const context = { ...world, readBook: readBookText, nowMs: Date.now };
  if (args[0] !== 'check') return runPricesCommand({ ...context, args });
  const { runPricesCheckCommand } = await import('./cli/prices-check-command.ts');
  return asksLocal((access) =>
    runPricesCheckCommand({ ...context, ...access, args: args.slice(1), stop: stop.signal }),
  );
}

function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const version = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null;
  return typeof version === 'string' ? version : 'unknown';
}

async function run(command: string | undefined, args: readonly string[]): Promise<number> {
  switch (command) {
    case 'serve': {
      const { serveCommand } = await import('./cli/serve-command.ts');
      return serveCommand(await serveContext(args));
    }
    case 'demo': {
      const { demoCommand } = await import('./cli/demo-command.ts');
      return demoCommand(await serveContext(args));
    }
    case 'simulate':
      return simulate(args);
    case 'runs': {
      const { runRunsCommand } = await import('./cli/runs-command.ts');
      return asksLocal((access) => runRunsCommand({ ...world, ...access, args, stop: stop.signal }));
    }
    case 'keys': {
      const { runKeysCommand } = await import('./cli/keys-command.ts');
      return asksLocal((access) => runKeysCommand({ ...world, ...access, args, stop: stop.signal }));
    }
    case 'teams': {
      const { runTeamsCommand } = await import('./cli/teams-command.ts');
      return asksLocal((access) => runTeamsCommand({ ...world, ...access, args, stop: stop.signal }));
    }
    case 'export': {
      const { runExportCommand } = await import('./cli/export-command.ts');
      return asksLocal((access) =>
        runExportCommand({ ...world, ...access, args, stop: stop.signal, nowMs: Date.now, writeBytes, isWatched }),
      );
    }
    case 'usage': {
      const { runUsageCommand } = await import('./cli/usage-command.ts');
      return asksLocal((access) => runUsageCommand({ ...world, ...access, args, stop: stop.signal }));
    }
    case 'prices':
      return prices(args);
    case 'sinks': {
      const { runSinksCommand } = await import('./cli/sinks-command.ts');
      return asksLocal((access) => runSinksCommand({ ...world, ...access, args, stop: stop.signal }));
    }
    case 'reprice': {
      const { runRepriceCommand } = await import('./cli/reprice-command.ts');
      return asksLocal((access) => runRepriceCommand({ ...world, ...access, args, stop: stop.signal }));
    }
    case 'statement': {
      const { runStatementCommand } = await import('./cli/statement-command.ts');
      return asksLocal((access) =>
        runStatementCommand({ ...world, ...access, args, stop: stop.signal, writeFile: writeFileSync }),
      );
    }
    case 'reconcile': {
      const { runReconcileCommand } = await import('./cli/reconcile-command.ts');
      return asksLocal((access) =>
        runReconcileCommand({ ...world, ...access, args, stop: stop.signal, nowMs: Date.now }),
      );
    }
    case 'config': {
      const { runConfigCommand } = await import('./cli/config-command.ts');
      return runConfigCommand({ ...world, args });
    }
    case '--version':
      write(`${packageVersion()}\n`);
      return EXIT_OK;
    case '--help':
    case 'help':
      write(USAGE);
      return EXIT_OK;
    default:
      writeError(command === undefined ? USAGE : `metertap: there is no command '${command}'.\n\n${USAGE}`);
      return EXIT_USAGE;
  }
}

process.exitCode = await run(process.argv[2], process.argv.slice(3));
