import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import { redactedConfig, redactedYaml } from '../config/describe.ts';
import { findConfigPath, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';

/** What the command needs of the world; only the process edge has it. */
export interface ConfigCommandContext {
  /** What follows `metertap config`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly exists: (path: string) => boolean;
  /** Takes what goes to standard output. */
  readonly write: (text: string) => void;
}

/** Exit codes of the command line (contract.md, "Command line"). */
const EXIT_OK = 0;
const EXIT_USAGE = 2;
const EXIT_CONFIG = 78;

const USAGE = `Usage: metertap config check [--config PATH] [--json]   says whether the configuration is right
       metertap config print [--config PATH] [--json]   shows what holds, defaults filled in, secrets left out
`;

interface Report {
  readonly file: string | null;
  readonly asJson: boolean;
}

type Action = (config: Config, report: Report) => string;

const ACTIONS = new Map<string, Action>([
  ['check', describeCheck],
  ['print', describePrint],
]);

interface Request extends Report {
  readonly action: Action;
}

/** Runs `metertap config check` or `metertap config print`. Gives the exit code: 0, 2 (usage) or 78 (configuration). */
export function runConfigCommand(context: ConfigCommandContext): number {
  const request = readRequest(context);
  if (request === null) {
    context.write(USAGE);
    return EXIT_USAGE;
  }
  try {
    const config = loadConfig({ path: request.file, env: context.env, readFile: context.readFile });
    context.write(request.action(config, request));
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.write(describeFaults(error, request));
    return EXIT_CONFIG;
  }
}

function readRequest({ args, env, exists }: ConfigCommandContext): Request | null {
  const parsed = parseOptions(args);
  const action = ACTIONS.get(parsed?.positionals[0] ?? '');
  if (parsed === null || action === undefined || parsed.positionals.length !== 1) return null;
  const file = findConfigPath({ flag: parsed.values.config ?? null, env, exists });
  return { action, file, asJson: parsed.values.json ?? false };
}

function parseOptions(args: readonly string[]) {
  try {
    const options = { config: { type: 'string' }, json: { type: 'boolean' } } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch {
    return null; // parseArgs throws on options that it does not know; the caller shows the usage
  }
}

function describeCheck(_config: Config, { file, asJson }: Report): string {
  if (asJson) return json({ ok: true, file, faults: [] });
  const heading = file === null ? 'No configuration file; the defaults and the environment are' : `${file} is`;
  return `${heading} right.\n`;
}

function describePrint(config: Config, { asJson }: Report): string {
  return asJson ? json(redactedConfig(config)) : redactedYaml(config);
}

function describeFaults(error: ConfigError, { asJson }: Report): string {
  return asJson ? json({ ok: false, file: error.file, faults: error.faults }) : `${error.message}\n`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
