import type { Command } from './command.ts';
import { readCommandLine } from './command-line.ts';
import { COMPLETION } from './commands/operating.ts';
import { bashCompletion } from './completion-bash.ts';
import { fishCompletion } from './completion-fish.ts';
import { zshCompletion } from './completion-zsh.ts';
import { EXIT_OK } from './exit-codes.ts';
import { actionOf } from './managed-command.ts';

export interface CompletionContext {
  /** What follows `metertap completion`. */
  readonly args: readonly string[];
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

type Writer = (commands: readonly Command[]) => string;

const WRITERS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } satisfies Record<
  (typeof COMPLETION.actions)[0]['operandWords'][number],
  Writer
>;

/** Runs `metertap completion`: prints a script that completes these commands. Gives the exit code: 0 or 2 (usage). */
export function runCompletionCommand(context: CompletionContext, commands: readonly Command[]): number {
  const line = readCommandLine(COMPLETION, context);
  if (typeof line === 'number') return line;
  context.write(actionOf<Writer>(WRITERS, line.operand)(commands));
  return EXIT_OK;
}
