import type { Command } from './command.ts';
import { type CommandLine, faultText, readCommandLine } from './command-line.ts';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';
import { type ManagementAccess, ManagementFailure } from './management-client.ts';
import { OptionFault } from './option-fault.ts';

/** What a command that asks a running Metertap needs of the world; only the process edge has it. */
export interface ManagedContext extends ManagementAccess {
  /** What follows the name of the command. */
  readonly args: readonly string[];
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/**
 * Reads the arguments of a command, runs its work and says what went wrong with it.
 *
 * @param work gives the exit code; `ManagementFailure` is 1, `OptionFault` 2
 * @returns the exit code
 */
export async function runManaged(
  context: ManagedContext,
  command: Command,
  work: (line: CommandLine) => Promise<number>,
): Promise<number> {
  const line = readCommandLine(command, context);
  if (typeof line === 'number') return line;
  try {
    return await work(line);
  } catch (error) {
    if (context.stop.aborted) return EXIT_OK;
    if (error instanceof OptionFault) {
      context.writeError(faultText(command, error.message));
      return EXIT_USAGE;
    }
    if (!(error instanceof ManagementFailure)) throw error;
    context.writeError(`${error.message}\n`);
    return EXIT_FAILURE;
  }
}

/** What the command line names. Tables of actions are held against the entry of their command by their types. */
export function actionOf<Run>(actions: Readonly<Record<string, Run>>, name: string): Run {
  const run = actions[name];
  if (run === undefined) throw new Error(`no action ${name}`);
  return run;
}

export function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
