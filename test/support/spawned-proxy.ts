import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
/** How long a process has for what is expected of it, before the test fails with what it has said instead. */
const PATIENCE_MS = 20_000;

/** `metertap` as a process of its own. `await using` kills it. */
export interface SpawnedMetertap extends AsyncDisposable {
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves with the standard output as soon as it holds `text`; rejects when the process ends before. */
  until(text: string): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code when the process has ended. */
  exited(): Promise<number | null>;
}

/** Runs `metertap` with these arguments and, beside `PATH`, only this environment. */
export function spawnMetertap(args: readonly string[], env: Readonly<Record<string, string>>): SpawnedMetertap {
  const child = spawn(process.execPath, [join(ROOT, 'src/main.ts'), ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Metertap(child);
}

/** Runs `npm start`, as users do; signals go to npm alone, as a supervisor sends them. */
export function spawnNpmStart(env: Readonly<Record<string, string>>): SpawnedMetertap {
  const child = spawn('npm', ['start', '--', '--json'], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Metertap(child);
}

/** Where a process that was started with `serve --json` listens, and where its admin key is. */
export async function readGreeting(metertap: SpawnedMetertap): Promise<{ url: string; adminKeyPath: string }> {
  const output = await metertap.until('"base_url"');
  const line = output.split('\n').find((candidate) => candidate.includes('"base_url"')) ?? '';
  const told: unknown = JSON.parse(line);
  const url = member(told, 'url');
  const adminKeyPath = member(told, 'admin_key_path');
  if (typeof url !== 'string') throw new Error(`no url in ${line}`);
  return { url, adminKeyPath: typeof adminKeyPath === 'string' ? adminKeyPath : '' };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

class Metertap implements SpawnedMetertap {
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #hasExited = false;
  stdout = '';
  stderr = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
      this.#tell();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
      this.#tell();
    });
    child.on('close', () => {
      this.#hasExited = true;
      this.#tell();
    });
  }

  until(text: string): Promise<string> {
    return this.#when(`"${text}"`, () => {
      if (this.stdout.includes(text)) return this.stdout;
      if (this.#hasExited) throw new Error(`ended before "${text}": ${this.stdout}${this.stderr}`);
      return null;
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async exited(): Promise<number | null> {
    await this.#when('its end', () => (this.#hasExited ? this.stdout : null));
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasExited) return;
    this.#child.kill('SIGKILL');
    await this.exited();
  }

  #when(what: string, look: () => string | null): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`waited for ${what} in vain: ${this.stdout}${this.stderr}`));
      }, PATIENCE_MS);
      const watch = () => {
        try {
          const found = look();
          if (found === null) return;
          resolve(found);
        } catch (error) {
          reject(error);
        }
        stop();
      };
      const stop = () => {
        clearTimeout(timer);
        this.#watchers.delete(watch);
      };
      this.#watchers.add(watch);
      watch();
    });
  }

  #tell(): void {
    for (const watch of [...this.#watchers]) watch();
  }
}
