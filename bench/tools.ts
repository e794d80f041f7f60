import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { platform } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** The programs on both sides of a candidate: their paths. */
export interface Tools {
  readonly load: string;
  readonly upstream: string;
}

const FOLDER = import.meta.dirname;
const BUILD_FOLDER = join(FOLDER, '.build');

const run = promisify(execFile);

/** Compiles the load generator and the upstream. @throws Error saying what is missing, where they cannot be */
export async function findTools(): Promise<Tools> {
  if (platform() !== 'linux') throw new Error('The benchmark needs Linux: epoll, timerfd and /proc.');
  try {
    const [load, upstream] = await Promise.all([compiled('load'), compiled('upstream')]);
    return { load, upstream };
  } catch (error) {
    const why = error instanceof Error ? error.message.trim() : String(error);
    throw new Error(
      `The load generator and the upstream are C and could not be compiled. Install a C compiler as cc (Debian: ` +
        `apt-get install gcc libc6-dev), or name one in CC. ${why}`,
    );
  }
}

async function compiled(name: string): Promise<string> {
  const source = join(FOLDER, `${name}.c`);
  const program = join(BUILD_FOLDER, name);
  if (existsSync(program) && changedMs(program) > Math.max(changedMs(source), changedMs(join(FOLDER, 'common.h')))) {
    return program;
  }
  mkdirSync(BUILD_FOLDER, { recursive: true });
  // Written beside and renamed: another benchmark may run the one before, or compile at the same time.
  const unfinished = `${program}.${process.pid}`;
  await run(process.env['CC'] ?? 'cc', ['-O2', '-o', unfinished, source]);
  renameSync(unfinished, program);
  return program;
}

function changedMs(path: string): number {
  return statSync(path).mtimeMs;
}

/** Where a program is; null where it is not. Servers are often outside of an ordinary user's PATH. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** Installs what only the benchmark needs. Gives why it could not be done; null where it is there. */
export async function installPackages(wanted: string): Promise<string | null> {
  if (existsSync(join(FOLDER, 'node_modules', wanted))) return null;
  try {
    await run('npm', ['ci', '--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund'], { timeout: 120_000 });
    return null;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return `npm ci --prefix bench failed: ${text.trim().split('\n').at(-1)}`;
  }
}
