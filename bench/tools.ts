import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** The programs on both sides of a candidate, as commands to which options are added. */
export interface Tools {
  readonly load: readonly string[];
  readonly upstream: readonly string[];
  /** What is to be said of them. */
  readonly note: string;
}

const FOLDER = import.meta.dirname;
const BUILD_FOLDER = join(FOLDER, '.build');

const run = promisify(execFile);

/** Compiles the load generator and the upstream; without a compiler, the slower ones that run on Node are used. */
export async function findTools(): Promise<Tools> {
  try {
    const [load, upstream] = await Promise.all([compiled('load'), compiled('upstream')]);
    return {
      load: [load],
      upstream: [upstream],
      note: 'Load generator and upstream: C (bench/load.c, bench/upstream.c).',
    };
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
    return {
      load: [process.execPath, join(FOLDER, 'load-fallback.ts')],
      upstream: [process.execPath, join(FOLDER, 'upstream-fallback.ts')],
      note:
        `Load generator and upstream run on Node, because C could not be compiled (${why}). They are slower than most ` +
        'candidates: calls/s and waiting times below are theirs. CPU per call and per event still holds.',
    };
  }
}

async function compiled(name: string): Promise<string> {
  const source = join(FOLDER, `${name}.c`);
  const program = join(BUILD_FOLDER, name);
  if (existsSync(program) && changedMs(program) > Math.max(changedMs(source), changedMs(join(FOLDER, 'common.h')))) {
    return program;
  }
  mkdirSync(BUILD_FOLDER, { recursive: true });
  await run(process.env['CC'] ?? 'cc', ['-O2', '-o', program, source]);
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
