import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import { redactedConfig, redactedYaml } from '../config/describe.ts';
import { findConfigPath, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { readCommandLine } from './command-line.ts';
import { CONFIG } from './commands/operating.ts';
import { EXIT_CONFIG, EXIT_OK } from './exit-codes.ts';
import { actionOf } from './managed-command.ts';

/** What the command needs of the world; only the process edge has it. */
export interface ConfigCommandContext {
  /** What follows `metertap config`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly exists: (path: string) => boolean;
  /** Takes what goes to standard output. */
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

interface Report {
  readonly file: string | null;
  readonly asJson: boolean;
}

type Act = (config: Config, report: Report) => string;

const ACTIONS = { check: describeCheck, print: describePrint } satisfies Record<
  (typeof CONFIG.actions)[number]['name'],
  Act
>;

/** Runs `metertap config check` or `metertap config print`. Gives the exit code: 0, 2 (usage) or 78 (configuration). */
export function runConfigCommand(context: ConfigCommandContext): number {
  const line = readCommandLine(CONFIG, context);
  if (typeof line === 'number') return line;
  const { values } = parseArgs({ args: line.args, options: CONFIG.options, allowPositionals: true });
  const file = findConfigPath({ flag: values.config ?? null, env: context.env, exists: context.exists });
  const report = { file, asJson: values.json ?? false };
  try {
    const config = loadConfig({ path: file, env: context.env, readFile: context.readFile });
    context.write(actionOf<Act>(ACTIONS, line.action)(config, report));
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.write(describeFaults(error, report));
    return EXIT_CONFIG;
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
