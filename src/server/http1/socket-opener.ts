import { connect, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ExchangeError } from './exchange-error.ts';

/** Told of one socket that is being opened. */
export interface OpeningListener {
  /** It can be written to. */
  opened(): void;
  /** A read brought this many bytes into the opener's `readBuffer`. */
  read(bytes: number): void;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
const TCP_KEEP_ALIVE_MS = 60_000;
/** A long event, such as the last of a response, is put together from fewer reads, most often from one. */
const READ_BYTES = 98_304;

/**
 * Opens sockets to one origin. All of them read into one buffer, which holds what a read brought only while that read's
 * listener runs: memory of 64 KiB made for each read, as Node would, costs more than copying what has come.
 */
export class SocketOpener {
  readonly readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #url: URL;
  readonly #timeoutMs: number;
  /** Of the last connection by TLS, so that the next one need not begin anew. */
  #session: Buffer | undefined = undefined;

  /** @param timeoutMs how long opening may take, TLS included; 0: no limit */
  constructor(url: URL, timeoutMs: number) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
  }

  /** Begins to open a socket. What fails is told by its events `error` and `close`. */
  open(listener: OpeningListener): Socket {
    const onread: OnReadOpts = {
      buffer: this.readBuffer,
      callback: (bytes) => {
        listener.read(bytes);
        return true;
      },
    };
    const { protocol, hostname, port } = this.#url;
    const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
    const way = { host, port: port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port), onread };
    const socket = protocol === 'https:' ? this.#openTls(way) : connect({ ...way, noDelay: true });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    this.#limit(socket, protocol === 'https:' ? 'secureConnect' : 'connect', listener);
    return socket;
  }

  #openTls(way: { readonly host: string; readonly port: number; readonly onread: OnReadOpts }): Socket {
    const { host } = way;
    const session = this.#session === undefined ? {} : { session: this.#session };
    const socket = connectTls({
      ...way,
      ...session,
      servername: isIP(host) === 0 ? host : '',
      ALPNProtocols: ['http/1.1'],
    });
    socket.on('session', (next) => {
      this.#session = next;
    });
    return socket;
  }

  #limit(socket: Socket, openedEvent: string, listener: OpeningListener): void {
    const message = `No connection could be opened within ${this.#timeoutMs} ms.`;
    const timer =
      this.#timeoutMs === 0
        ? null
        : setTimeout(() => socket.destroy(new ExchangeError('CONNECT_TIMEOUT', message)), this.#timeoutMs);
    const stop = () => {
      if (timer !== null) clearTimeout(timer);
    };
    socket.once('close', stop);
    socket.once(openedEvent, () => {
      stop();
      socket.removeListener('close', stop);
      listener.opened();
    });
  }
}
