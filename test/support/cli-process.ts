import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** `metertap …` as a process of its own. `await using` kills it, if it still runs. */
export interface CliProcess extends AsyncDisposable {
  readonly process: ChildProcess;
  /** What it has written to standard output so far. */
  readonly stdout: string;
  readonly stderr: string;
  readonly exited: Promise<Exit>;
  /** Resolves with the match once standard output has it. Rejects where the process ends before. */
  output(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): Promise<Exit>;
  /** Leaves what it writes from now on unread, as a reader that stands still does. */
  stopReading(): void;
}

export interface CliOptions {
  /** The whole environment: nothing is inherited, so that no setting of this machine takes part. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** A command that becomes `metertap`: what follows it as arguments. It is found by the `PATH` of the test. */
  readonly wrapper?: readonly string[];
}

/** Starts `metertap` with these arguments, on the Node.js that runs the test. */
export function startCli(args: readonly string[], options: CliOptions): CliProcess {
  const wrapper = options.wrapper ?? [];
  const [command = process.execPath, ...rest] = [...wrapper, process.execPath, MAIN, ...args];
  const child = spawn(command, rest, {
    cwd: options.cwd,
    env: { ...(wrapper.length === 0 ? {} : { PATH: process.env['PATH'] ?? '' }), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    tell();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = new Promise<Exit>((resolve, reject) => {
    // With its output read to the end, unless nobody reads it any more.
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.once('exit', (code, signal) => {
      if (child.stdout.isPaused()) resolve({ code, signal });
    });
    child.once('error', reject);
  });
  const output = async (pattern: RegExp): Promise<RegExpExecArray> => {
    const found = new Promise<RegExpExecArray>((resolve) => {
      const look = () => {
        const match = pattern.exec(stdout);
        if (match === null) return;
        listeners.delete(look);
        resolve(match);
      };
      listeners.add(look);
      look();
    });
    const match = await Promise.race([found, exited.then(() => pattern.exec(stdout))]);
    if (match === null) throw new Error(`metertap ${args.join(' ')} ended before ${pattern}: ${stdout}${stderr}`);
    return match;
  };
  const kill = (signal: NodeJS.Signals): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  return {
    process: child,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    exited,
    output,
    kill,
    stopReading: () => void child.stdout.pause(),
    [Symbol.asyncDispose]: async () => {
      await kill('SIGKILL');
    },
  };
}

/** Runs `metertap` to its end. */
export async function runCli(
  args: readonly string[],
  options: CliOptions,
): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  await using cli = startCli(args, options);
  const exit = await cli.exited;
  return { ...exit, stdout: cli.stdout, stderr: cli.stderr };
}
