import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';

/**
 * Servers that tests talk to: found by an environment variable or on PATH, started on a free port, ended with the test.
 * Where one is missing its tests are skipped with one line; with `CI=true` that is a failure.
 */
export function findServer(program: string, variable: string): string | null {
  const named = process.env[variable];
  if (named !== undefined && named !== '') return named;
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isExecutable);
  if (found !== undefined) return found;
  const message = `${program} is neither on PATH nor named by ${variable}`;
  if (process.env['CI'] === 'true') throw new Error(`${message}, and with CI=true its tests must run`);
  console.log(`skipped: ${message}`);
  return null;
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** Starts a Redis that keeps nothing. */
export async function startRedis(program: string, port?: number): Promise<RunningServer & { readonly port: number }> {
  const usedPort = port ?? (await freePort());
  const folder = mkdtempSync(join(tmpdir(), 'metertap-redis-'));
  const options = ['--port', String(usedPort), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const child = spawn(program, options, { stdio: 'ignore' });
  const url = `redis://127.0.0.1:${usedPort}`;
  await answersPing(url);
  const kill = () => ended(child, folder);
  return { url, port: usedPort, kill, [Symbol.asyncDispose]: kill };
}

async function answersPing(url: string): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined); // it is not listening yet; the client tries again
  await client.ping();
  client.disconnect();
}

function ended(child: ChildProcess, folder: string): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      rmSync(folder, { recursive: true, force: true });
      resolve();
    };
    if (child.exitCode !== null || child.signalCode !== null) return done();
    child.once('exit', done);
    child.kill('SIGKILL');
  });
}

/** A port that nothing listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
