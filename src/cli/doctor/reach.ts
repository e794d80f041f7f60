import { lookup } from 'node:dns/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** How far a connection came before it failed, in words. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  readonly hint: string;

  constructor(message: string, hint: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.hint = hint;
  }
}

/**
 * Looks up the host of an address, connects to it, and where it is https agrees on TLS with it. Sends nothing.
 *
 * @throws Unreachable that says which of the three failed
 */
export async function reach(url: URL, timeoutMs: number): Promise<void> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const isSecure = url.protocol === 'https:';
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  await lookup(host).catch((cause: unknown) => {
    throw new Unreachable(
      `the name ${host} is not found (${codeOf(cause)})`,
      'Check the address and the DNS of this machine.',
      { cause },
    );
  });
  const socket = isSecure
    ? connectTls({ host, port, ...(/^[\d.:a-f]+$/i.test(host) ? {} : { servername: host }) })
    : connectTcp({ host, port });
  try {
    await opened(socket, { event: isSecure ? 'secureConnect' : 'connect', timeoutMs });
  } catch (cause) {
    throw explained(cause, `${host}:${port}`);
  } finally {
    socket.destroy();
  }
}

function opened(
  socket: Socket,
  { event, timeoutMs }: { readonly event: string; readonly timeoutMs: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })), timeoutMs);
    socket.once(event, () => {
      clearTimeout(timer);
      resolve();
    });
    // A socket may fail again after the first failure; nobody waits for that any more.
    socket.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

const CERTIFICATE = /CERT|SELF_SIGNED|ISSUER|ALTNAME/;

function explained(cause: unknown, address: string): Unreachable {
  const code = codeOf(cause);
  const options = { cause };
  if (code === 'ECONNREFUSED')
    return new Unreachable(`nothing listens at ${address}`, 'Start it, or check the port.', options);
  if (code === 'ETIMEDOUT')
    return new Unreachable(`${address} does not answer in time`, 'Look for a firewall in between.', options);
  if (CERTIFICATE.test(code)) {
    const hint = 'Correct its certificate, or trust its issuer with NODE_EXTRA_CA_CERTS.';
    return new Unreachable(`the certificate of ${address} is not valid (${code})`, hint, options);
  }
  return new Unreachable(`${address} cannot be connected to (${code})`, 'Check the address and the network.', options);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
