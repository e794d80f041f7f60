import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import type { CarriedRequest } from '../../../src/server/carrier.ts';
import { createUpstreamCarrier } from '../../../src/server/upstream-carrier.ts';

interface Seen {
  readonly bodies: string[];
  mostConnections: number;
}

/** Starts an upstream that answers each request a turn of the event loop later, and a carrier to it. */
async function carry(maxConnections: number | null, requests: readonly Partial<CarriedRequest>[]): Promise<Seen> {
  const seen: Seen = { bodies: [], mostConnections: 0 };
  let connections = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      seen.bodies.push(body);
      setImmediate(() => response.end('{}'));
    });
  });
  server.on('connection', (socket) => {
    seen.mostConnections = Math.max(seen.mostConnections, ++connections);
    socket.on('close', () => connections--);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it does not listen');
  const url = new URL(`http://127.0.0.1:${address.port}`);
  const carrier = createUpstreamCarrier(url, { connectMs: 5000, firstByteMs: 0, idleMs: 0, maxConnections });
  const sent = requests.map(
    (request) =>
      new Promise<void>((resolve, reject) => {
        const nothing = () => undefined;
        const receiver = { sent: nothing, head: nothing, data: nothing, end: resolve, failed: reject };
        carrier.send({ method: 'POST', path: '/', headers: [], body: null, ...request }, receiver);
      }),
  );
  await Promise.all(sent);
  await carrier.close();
  return seen;
}

const requests = (): Partial<CarriedRequest>[] => [
  { body: Buffer.from('whole') },
  { body: Readable.from([Buffer.from('it '), Buffer.from('streams')]) },
  { body: Buffer.from('whole again') },
  { body: Readable.from([Buffer.from('with a length')]), headers: ['content-length', '13'] },
];
const BODIES = ['it streams', 'whole', 'whole again', 'with a length'];

it('carries bodies that are there as a whole and bodies that stream by', async () => {
  const { bodies, mostConnections } = await carry(null, requests());
  expect(bodies.sort()).toEqual(BODIES);
  expect(mostConnections).toBeGreaterThan(1);
});

it('has no more connections than there may be for both together', async () => {
  const { bodies, mostConnections } = await carry(1, requests());
  expect(bodies.sort()).toEqual(BODIES);
  expect(mostConnections).toBe(1);
});
