import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, connect as openSocket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { numberOf, objectOf } from './measurement.ts';
import type { RunningProcess } from './processes.ts';

const START_PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 10;
const TCP_LISTEN = '0A';

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

/** How many sockets listen on a port: as many as there are processes that share it (proc(5), /proc/net/tcp). */
function listeners(port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  return sockets.filter((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    return local.endsWith(wanted) && state === TCP_LISTEN;
  }).length;
}

/** Waits until `proxy` takes connections, with as many processes as it should have. @throws Error where it ends before, or takes too long */
export async function listening(
  port: number,
  proxy: RunningProcess,
  { processes = 1, patienceMs = START_PATIENCE_MS }: { processes?: number; patienceMs?: number | undefined } = {},
): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while ((processes > 1 && listeners(port) < processes) || !(await accepts(port))) {
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
