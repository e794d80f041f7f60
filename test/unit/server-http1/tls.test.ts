import { createServer as createTcpServer } from 'node:net';
import { createServer, getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { ConnectionPool } from '../../../src/server/http1/connection-pool.ts';
import { TEST_CERTIFICATE, TEST_CERTIFICATE_KEY } from '../../support/test-certificate.ts';

const trusted = getCACertificates('default');
beforeAll(() => setDefaultCACertificates([...trusted, TEST_CERTIFICATE]));
afterAll(() => setDefaultCACertificates(trusted));

const LIMITS = { maxConnections: null, connectMs: 5000, firstByteMs: 0, idleMs: 0, keptMs: 15_000 };

async function startTlsServer(onRequest: (socket: TLSSocket) => void): Promise<{ url: URL; sockets: TLSSocket[] }> {
  const sockets: TLSSocket[] = [];
  const options = { key: TEST_CERTIFICATE_KEY, cert: TEST_CERTIFICATE, ALPNProtocols: ['h2', 'http/1.1'] };
  const server = createServer(options, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => onRequest(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it does not listen');
  return { url: new URL(`https://localhost:${address.port}`), sockets };
}

function poolFor(url: URL, connectMs = LIMITS.connectMs): ConnectionPool {
  const pool = new ConnectionPool({ ...LIMITS, url, connectMs });
  onTestFinished(() => pool.close());
  return pool;
}

/** The body of the answer, or the code of the error. */
function post(pool: ConnectionPool): Promise<string> {
  return new Promise((resolve) => {
    const body: Buffer[] = [];
    pool.send(
      { method: 'POST', path: '/', headers: [], body: Buffer.from('{}') },
      {
        sent: () => undefined,
        head: () => undefined,
        data: (chunk) => void body.push(chunk),
        end: () => resolve(Buffer.concat(body).toString()),
        failed: (error) => resolve('code' in error ? String(error.code) : error.message),
      },
    );
  });
}

it('speaks HTTP/1.1 to the server that was meant, on one connection and one session', async () => {
  const big = 'x'.repeat(300_000);
  let requests = 0;
  const { url, sockets } = await startTlsServer((socket) => {
    const close = ++requests < 2 ? '' : 'Connection: close\r\n';
    socket.write(`HTTP/1.1 200 OK\r\n${close}Content-Length: ${big.length}\r\n\r\n${big}`);
  });
  const pool = poolFor(url);
  expect(await post(pool)).toBe(big);
  expect(await post(pool)).toBe(big);
  const [first] = sockets;
  expect([sockets.length, first?.servername, first?.alpnProtocol]).toEqual([1, 'localhost', 'http/1.1']);
  expect(await post(pool)).toBe(big);
  expect([sockets.length, sockets[1]?.isSessionReused()]).toEqual([2, true]);
});

it('does not speak to a server whose certificate is another one', async () => {
  const { url, sockets } = await startTlsServer((socket) => void socket.write('HTTP/1.1 204 No\r\n\r\n'));
  const other = new URL(url);
  other.hostname = '127.0.0.1';
  expect(await post(poolFor(other))).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  expect(sockets.every(({ bytesRead }) => bytesRead === 0)).toBe(true);
});

it('does not wait for ever for a server that opens no connection', async () => {
  const mute = createTcpServer((socket) => void socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => mute.close(() => resolve())));
  const address = mute.address();
  if (address === null || typeof address === 'string') throw new Error('it does not listen');
  expect(await post(poolFor(new URL(`https://127.0.0.1:${address.port}`), 50))).toBe('CONNECT_TIMEOUT');
});
