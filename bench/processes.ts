import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program to be started. */
export interface Launch {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  /** The core it is held to; null: any. */
  readonly core: number | null;
  /** An open file for standard output, or `pipe`. Standard error always goes to the file. */
  readonly output: number | 'pipe';
  readonly errors: number;
}

/** Clock ticks of /proc are hundredths of a second on every Linux that Node runs on (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;
const STOP_PATIENCE_MS = 8_000;

/** Names of variables that would change what a candidate does. */
const FOREIGN_VARIABLES = /^(METERTAP_|OPENAI_|NODE_OPTIONS$|npm_)/;

/** A running program and all that it has started. */
export class RunningProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  #exited = false;

  constructor(child: ChildProcess, pid: number) {
    this.child = child;
    this.pid = pid;
    child.once('exit', () => {
      this.#exited = true;
    });
  }

  get exited(): boolean {
    return this.#exited;
  }

  /** User and system time so far, of all threads and children; null where there is no /proc. */
  cpuSeconds(): number | null {
    const stats = treeOf(this.pid);
    if (stats.length === 0) return null;
    return stats.reduce((sum, stat) => sum + stat.ticks, 0) / TICKS_PER_SECOND;
  }

  /** Resident memory of it and its children, in MiB. */
  residentMb(): number | null {
    const sizes = treeOf(this.pid).map(({ pid }) => residentKb(pid));
    return sizes.length === 0 ? null : sizes.reduce((sum, size) => sum + size, 0) / 1024;
  }

  /** Sends a signal to it alone, without its children. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#exited) process.kill(this.pid, signal);
  }

  /** Asks it to end, and ends it where it does not. */
  async stop(): Promise<void> {
    this.#signal('SIGTERM');
    for (let waitedMs = 0; !this.#exited && waitedMs < STOP_PATIENCE_MS; waitedMs += 20) await sleep(20);
    this.kill();
  }

  /** Ends it and its children at once. */
  kill(): void {
    this.#signal('SIGKILL');
  }

  /** It leads a group of its own, in which its children are. */
  #signal(signal: NodeJS.Signals): void {
    if (this.#exited && signal === 'SIGTERM') return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // Nobody of the group is there any more.
    }
  }
}

/** Starts programs, and knows which of them run, so that none is left behind whatever happens. */
export class Processes {
  readonly #running = new Set<RunningProcess>();

  start(launch: Launch): RunningProcess {
    const [program = '', ...args] = pinned(launch.command, launch.core);
    const inherited = Object.entries(process.env).filter(([name]) => !FOREIGN_VARIABLES.test(name));
    const child = spawn(program, args, {
      cwd: launch.folder,
      env: { ...Object.fromEntries(inherited), ...launch.env },
      stdio: ['ignore', launch.output, launch.errors],
      detached: true,
    });
    const running = new RunningProcess(child, child.pid ?? 0);
    if (child.pid === undefined) throw new Error(`${program} cannot be started`);
    this.#running.add(running);
    return running;
  }

  async stop(running: RunningProcess): Promise<void> {
    await running.stop();
    this.#running.delete(running);
  }

  /** For the end of the benchmark itself. */
  killAll(): void {
    for (const running of this.#running) running.kill();
    this.#running.clear();
  }
}

/** The cores that this process may use. */
export function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readText('/proc/self/status') ?? '')?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = NaN, last = first] = range.split('-').map(Number);
    return Number.isFinite(first) ? Array.from({ length: last - first + 1 }, (_, i) => first + i) : [];
  });
}

function pinned(command: readonly string[], core: number | null): readonly string[] {
  return core === null ? command : ['taskset', '-c', String(core), ...command];
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

/** A process and its descendants. */
function treeOf(root: number): Stat[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  const all = names.filter((name) => /^\d+$/.test(name)).flatMap((name) => statOf(Number(name)) ?? []);
  const tree = all.filter(({ pid }) => pid === root);
  for (const member of tree) tree.push(...all.filter(({ parent }) => parent === member.pid));
  return tree;
}

/** proc(5): the name of the program stands in brackets and may hold anything; the fields after it are numbers. */
function statOf(pid: number): Stat | null {
  const text = readText(`/proc/${pid}/stat`);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [parent, userTime, systemTime, childUserTime, childSystemTime] = [1, 11, 12, 13, 14].map((i) =>
    Number(fields[i]),
  );
  return {
    pid,
    parent: parent ?? 0,
    ticks: (userTime ?? 0) + (systemTime ?? 0) + (childUserTime ?? 0) + (childSystemTime ?? 0),
  };
}

function residentKb(pid: number): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1] ?? 0);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // the process has ended meanwhile, or this is not Linux
  }
}
