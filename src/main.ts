#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readBookText, startApp } from './app.ts';
import { runConfigCommand } from './cli/config-command.ts';
import { demoCommand } from './cli/demo-command.ts';
import { runExportCommand } from './cli/export-command.ts';
import { runKeysCommand } from './cli/keys-command.ts';
import { localAccess } from './cli/local-access.ts';
import { runPricesCommand } from './cli/prices-command.ts';
import { runRunsCommand } from './cli/runs-command.ts';
import { EXIT_CONFIG, EXIT_OK, EXIT_USAGE, type ServeContext, serveCommand } from './cli/serve-command.ts';
import { SIMULATE_OPTIONS, SIMULATE_USAGE, simulateCommand } from './cli/simulate-command.ts';
import { runSinksCommand } from './cli/sinks-command.ts';
import { runTeamsCommand } from './cli/teams-command.ts';
import { ConfigError } from './config/config-error.ts';

/** The process edge: the only place that touches `process`. It reads the command and hands it what it needs. */

const USAGE = `Usage: metertap <command> [options]

  serve       run the proxy                                  metertap serve --config metertap.yaml
  demo        run it against a built-in upstream, with data  metertap demo
  simulate    run only the built-in upstream                 metertap simulate --port 9099
  export      records as CSV, JSON lines or FOCUS            metertap export --from 2026-11-01 --output november.csv
  runs        list, show or watch agent runs                 metertap runs show nightly-42
  keys        make, change, rotate and revoke keys           metertap keys create --team research
  teams       make, change and delete teams                  metertap teams list
  prices      show what a model costs, and why               metertap prices show --model gpt-5-mini
  sinks       list, test or retry where events are sent      metertap sinks list
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

function serveContext(args: readonly string[]): ServeContext {
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
async function asksLocal(command: (access: ReturnType<typeof localAccess>) => Promise<number>): Promise<number> {
  let access: ReturnType<typeof localAccess>;
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
  try {
    const { values } = parseArgs({ args: [...args], options: SIMULATE_OPTIONS });
    return await simulateCommand(values, { write, writeError }, stop.signal);
  } catch (error) {
    writeError(`${error instanceof Error ? error.message : String(error)}\n\n${SIMULATE_USAGE}`);
    return EXIT_USAGE;
  }
}

function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const version = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null;
  return typeof version === 'string' ? version : 'unknown';
}

async function run(command: string | undefined, args: readonly string[]): Promise<number> {
  switch (command) {
    case 'serve':
      return serveCommand(serveContext(args));
    case 'demo':
      return demoCommand(serveContext(args));
    case 'simulate':
      return simulate(args);
    case 'runs':
      return asksLocal((access) => runRunsCommand({ ...world, ...access, args, stop: stop.signal }));
    case 'keys':
      return asksLocal((access) => runKeysCommand({ ...world, ...access, args, stop: stop.signal }));
    case 'teams':
      return asksLocal((access) => runTeamsCommand({ ...world, ...access, args, stop: stop.signal }));
    case 'export':
      return asksLocal((access) =>
        runExportCommand({ ...world, ...access, args, stop: stop.signal, nowMs: Date.now, writeBytes, isWatched }),
      );
    case 'prices':
      return runPricesCommand({ ...world, args, readBook: readBookText, nowMs: () => Date.now() });
    case 'sinks':
      return asksLocal((access) => runSinksCommand({ ...world, ...access, args, stop: stop.signal }));
    case 'config':
      return runConfigCommand({ ...world, args });
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
