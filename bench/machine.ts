import { cpus } from 'node:os';
import { allowedCores, Processes } from './processes.ts';
import { findProgram, findTools, type Tools } from './tools.ts';

/** Where candidates, load generator and upstream run. */
export interface Machine {
  readonly processes: Processes;
  readonly tools: Tools;
  /** Where candidates run, and where everything else does; null: anywhere. */
  readonly candidateCore: number | null;
  readonly otherCore: number | null;
  /** What is to be said of it above every table. */
  readonly note: string;
}

/**
 * Compiles the tools, and chooses the cores. Whatever is started on it ends with this process.
 *
 * @throws Error where the machine has not what is needed
 */
export async function prepareMachine(): Promise<Machine> {
  const processes = new Processes();
  process.on('exit', () => processes.killAll());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  const tools = await findTools();
  const [candidateCore, otherCore] = allowedCores();
  const isPinned = candidateCore !== undefined && otherCore !== undefined && findProgram('taskset') !== null;
  const { processor, cores, node } = machineFigures();
  const pinning = isPinned
    ? `Candidates run on core ${candidateCore}, load generator and upstream on core ${otherCore}.`
    : 'Nothing is pinned to a core: that needs taskset and two cores. Candidates and load disturb each other.';
  return {
    processes,
    tools,
    candidateCore: isPinned ? candidateCore : null,
    otherCore: isPinned ? otherCore : null,
    note: `${processor ?? 'unknown processor'}, ${cores} cores, Node ${node}.\n${pinning}`,
  };
}

/** What the results say of the machine. */
export function machineFigures(): { processor: string | null; cores: number; node: string } {
  return { processor: cpus()[0]?.model ?? null, cores: allowedCores().length || cpus().length, node: process.version };
}
