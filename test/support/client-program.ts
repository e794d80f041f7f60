import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readClientSnippet } from './client-snippets.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAMS = join(REPOSITORY, 'test/e2e/clients');
/** Below `node_modules`, so that programs find the packages of the repository. */
const WORK_ROOT = join(REPOSITORY, 'node_modules/.cache/metertap-clients');

const run = promisify(execFile);

/** A command that runs by itself, with the environment that docs/clients.md speaks of. */
export interface CommandInput {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs a command with none of our own environment but the path, and gives what it wrote to standard output. */
export async function runCommand({ command, args, cwd, env }: CommandInput): Promise<string> {
  const path = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
  const running = run(command, args, {
    cwd,
    env: { PATH: path, HOME: cwd, MASTRA_TELEMETRY_DISABLED: '1', ...env },
    timeout: 50_000,
    maxBuffer: 32 * 1024 * 1024,
  });
  running.child.stdin?.end();
  return (await running).stdout;
}

/** Runs lines of shell, each of which must succeed. */
export function runShell(lines: string, options: Omit<CommandInput, 'command' | 'args'>): Promise<string> {
  return runCommand({ command: 'sh', args: ['-euc', lines], ...options });
}

/**
 * Runs the example of docs/clients.md of that name, and behind it the program of test/e2e/clients of the same name,
 * which imports from `./snippet.mjs` whatever it needs of the example. Gives its standard output.
 */
export async function runClientProgram(name: string, env: Readonly<Record<string, string>>): Promise<string> {
  mkdirSync(WORK_ROOT, { recursive: true });
  const folder = mkdtempSync(join(WORK_ROOT, `${name}-`));
  try {
    const program = readFileSync(join(PROGRAMS, `${name}.mjs`), 'utf8');
    writeFileSync(join(folder, 'program.mjs'), program);
    writeFileSync(join(folder, 'snippet.mjs'), `${readClientSnippet(name).code}\nexport {${wantedNames(program)}};\n`);
    copyFileSync(join(PROGRAMS, 'report.mjs'), join(folder, 'report.mjs'));
    return await runCommand({ command: process.execPath, args: ['program.mjs'], cwd: folder, env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the program takes from the example, which does not export anything of its own. */
function wantedNames(program: string): string {
  return /import \{([^}]*)\} from '\.\/snippet\.mjs'/.exec(program)?.[1] ?? '';
}
