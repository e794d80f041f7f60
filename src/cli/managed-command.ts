import { OptionFault } from './access-options.ts';
import { type ManagementAccess, ManagementFailure } from './management-client.ts';

/** What a command that asks a running Metertap needs of the world; only the process edge has it. */
export interface ManagedContext extends ManagementAccess {
  /** What follows the name of the command. */
  readonly args: readonly string[];
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/** Exit codes of the command line (contract.md, "Command line"). */
const EXIT_OK = 0;
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/**
 * Runs the work of a command and says what went wrong with it.
 *
 * @param work gives `usage` where its arguments make no command, else nothing
 * @returns the exit code
 */
export async function runManaged(
  context: ManagedContext,
  usage: string,
  work: () => Promise<'done' | 'usage'>,
): Promise<number> {
  if (context.args.includes('--help')) {
    context.write(usage);
    return EXIT_OK;
  }
  try {
    if ((await work()) === 'done') return EXIT_OK;
    context.writeError(usage);
    return EXIT_USAGE;
  } catch (error) {
    if (context.stop.aborted) return EXIT_OK;
    if (error instanceof OptionFault) {
      context.writeError(`${error.message}\n\n${usage}`);
      return EXIT_USAGE;
    }
    if (!(error instanceof ManagementFailure)) throw error;
    context.writeError(`${error.message}\n`);
    return EXIT_FAILURE;
  }
}

/** What `parseArgs` says of options that it does not know, or that lack their value, as a fault of the command. */
export function optionsOf<Parsed>(parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (cause) {
    throw new OptionFault(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

export function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
