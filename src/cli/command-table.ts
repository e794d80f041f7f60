import type { Command } from './command.ts';
import { KEYS, TEAMS } from './commands/access.ts';
import { EXPORT, RUNS, USAGE } from './commands/looking.ts';
import { PRICES, RECONCILE, REPRICE, STATEMENT } from './commands/money.ts';
import { COMPLETION, CONFIG, DOCTOR, SINKS } from './commands/operating.ts';
import { DEMO, SERVE, SIMULATE } from './commands/serving.ts';

/** Every command of `metertap`, in the order in which help lists them within their groups. */
export const COMMANDS = [
  SERVE,
  DEMO,
  SIMULATE,
  RUNS,
  USAGE,
  EXPORT,
  PRICES,
  STATEMENT,
  REPRICE,
  RECONCILE,
  KEYS,
  TEAMS,
  SINKS,
  CONFIG,
  DOCTOR,
  COMPLETION,
] as const satisfies readonly Command[];

export type CommandName = (typeof COMMANDS)[number]['name'];

/** The command of this name; undefined where there is none. */
export function findCommand(name: string): (typeof COMMANDS)[number] | undefined {
  return COMMANDS.find((command) => command.name === name);
}
