import type { ChildProcess } from 'node:child_process';
import { createServer, connect as openSocket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { numberOf, objectOf } from './measurement.ts';
import type { RunningProcess } from './processes.ts';

const START_PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 10;

/** The port that an upstream prints when it listens. @throws Error where it ends before */
export async function printedPort(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('the upstream has no output');
  for await (const line of createInterface({ input: child.stdout }))
    return numberOf(objectOf(JSON.parse(line))['port']);
  throw new Error('the upstream ended before it listened');
}

/** A port of the loopback address that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Waits until `proxy` takes connections. @throws Error where it ends before, or takes too long */
export async function listening(
  port: number,
  proxy: RunningProcess,
  patienceMs: number = START_PATIENCE_MS,
): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await accepts(port))) {
    if (proxy.exited) throw new Error('it ended before it listened');
    if (Date.now() > deadline) throw new Error('it does not listen');
    await sleep(LOOK_EVERY_MS);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = openSocket(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
