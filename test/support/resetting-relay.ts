import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { SeededRandom } from './seeded-random.ts';

/** Passes connections on to another port, and resets each of them after a while. */
export interface ResettingRelay extends AsyncDisposable {
  readonly port: number;
  /** How many connections it has reset, so far. */
  readonly resets: number;
}

/** @param longestMs how long a connection lives at most; the moment of its reset is random */
export async function startResettingRelay(
  targetPort: number,
  options: { readonly random: SeededRandom; readonly longestMs: number },
): Promise<ResettingRelay> {
  const sockets = new Set<Socket>();
  let resets = 0;
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    const cut = setTimeout(
      () => {
        if (!near.destroyed) resets += 1;
        near.resetAndDestroy();
        far.resetAndDestroy();
      },
      options.random.between(1, options.longestMs),
    );
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined); // it is the other end of a reset
      socket.on('close', () => {
        sockets.delete(socket);
        clearTimeout(cut);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the relay has no port');
  return {
    port: address.port,
    get resets() {
      return resets;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
