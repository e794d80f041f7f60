import type { AnswerReceiver, CarriedRequest, Carrier, Sending } from '../carrier.ts';
import { CarriedExchange } from './carried-exchange.ts';
import { Connection, type ConnectionOwner, type ConnectionWaits } from './connection.ts';
import { ExchangeError } from './exchange-error.ts';
import { HeaderBlockReader } from './header-block.ts';
import { isLastOnConnection, requestHead } from './request-head.ts';
import { RequestWriter } from './request-writer.ts';
import { SocketOpener } from './socket-opener.ts';

export interface ConnectionPoolSettings {
  /** Scheme, host and port; its path is not looked at. */
  readonly url: URL;
  readonly maxConnections: number | null;
  readonly connectMs: number;
  /** How long the head of an answer may take. 0: no limit. */
  readonly firstByteMs: number;
  /** How long an answer may pause between two pieces. 0: no limit. */
  readonly idleMs: number;
  /** How long an idle connection is kept, if the upstream does not say how long it keeps it. */
  readonly keptMs: number;
}

const MAX_TICK_MS = 500;
const MIN_TICK_MS = 10;
const TICKS_PER_WAIT = 4;
/** A connection that the upstream will close soon is not used any more: a request could cross its end on the way. */
const KEEP_ALIVE_MARGIN_MS = 2000;
const MAX_KEPT_MS = 600_000;

/**
 * The connections to one upstream. An exchange takes the idle connection that was used last, or a new one; where there
 * are as many as there may be, it waits for one.
 *
 * An exchange is written to a connection that was used before only after the event loop has heard what its socket has
 * to say: a connection that the upstream has closed meanwhile is not written to, and bytes that nobody asked for do not
 * become the answer to the next request.
 */
export class ConnectionPool implements Carrier<Buffer | null>, ConnectionOwner {
  readonly #settings: ConnectionPoolSettings;
  readonly #host: string;
  readonly #tickMs: number;
  readonly opener: SocketOpener;
  readonly headerBlocks = new HeaderBlockReader();
  readonly writer = new RequestWriter();
  readonly waits: ConnectionWaits;
  tick = 0;
  #timer: NodeJS.Timeout | null = null;
  /** All, also those that are being opened. */
  readonly #connections: Connection[] = [];
  readonly #idle: Connection[] = [];
  /** Kept for an exchange that will be written in this turn of the event loop. */
  #due: Connection[] = [];
  readonly #waiting: CarriedExchange[] = [];
  #openExchanges = 0;
  #closing: PromiseWithResolvers<void> | null = null;

  constructor(settings: ConnectionPoolSettings) {
    this.#settings = settings;
    this.#host = settings.url.host;
    this.opener = new SocketOpener(settings.url, settings.connectMs);
    const limits = [settings.firstByteMs, settings.idleMs].filter((ms) => ms > 0);
    this.#tickMs = Math.max(MIN_TICK_MS, Math.min(MAX_TICK_MS, ...limits.map((ms) => Math.ceil(ms / TICKS_PER_WAIT))));
    this.waits = {
      head: this.#ticksOf(settings.firstByteMs),
      body: this.#ticksOf(settings.idleMs),
      idle: (keepAliveMs) => this.#idleTicks(keepAliveMs),
    };
  }

  send(request: CarriedRequest<Buffer | null>, receiver: AnswerReceiver): Sending {
    if (this.#closing !== null) throw new ExchangeError('POOL_CLOSED', 'The connections to the upstream are closed.');
    const { method, body } = request;
    const head = requestHead(request, this.#host);
    const isLast = isLastOnConnection(request);
    const exchange = new CarriedExchange({ method, head, body, isLast }, receiver, this.#forget);
    this.#openExchanges++;
    this.#place(exchange);
    return exchange;
  }

  close(): Promise<void> {
    if (this.#closing === null) {
      this.#closing = Promise.withResolvers();
      this.#closeIfDone();
    }
    return this.#closing.promise;
  }

  opened(connection: Connection): void {
    const exchange = this.#takeWaiting(connection.cause);
    connection.cause = null;
    if (exchange === null) {
      this.#rest(connection);
      return;
    }
    connection.reserve(exchange);
    connection.write();
  }

  freed(connection: Connection): void {
    const exchange = this.#takeWaiting(null);
    if (exchange === null) this.#rest(connection);
    else this.#writeSoon(connection, exchange);
  }

  closed(connection: Connection, error: Error | null): void {
    remove(this.#connections, connection);
    remove(this.#idle, connection);
    const { cause } = connection;
    if (cause !== null && error !== null && remove(this.#waiting, cause)) {
      this.exchangeOver();
      cause.fail(error);
    }
    const next = this.#waiting.find((exchange) => !exchange.hasOpening);
    if (next !== undefined) this.#open(next);
    this.#closeIfDone();
  }

  exchangeOver(): void {
    this.#openExchanges--;
    if (this.#closing !== null) this.#closeIfDone();
  }

  /** Finds a connection for an exchange. */
  #place(exchange: CarriedExchange): void {
    exchange.connection = null;
    exchange.hasOpening = false;
    const idle = this.#takeIdle();
    if (idle !== null) {
      this.#writeSoon(idle, exchange);
      return;
    }
    this.#waiting.push(exchange);
    const { maxConnections } = this.#settings;
    if (maxConnections === null || this.#connections.length < maxConnections) this.#open(exchange);
  }

  #takeIdle(): Connection | null {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.isUsable) return connection;
    }
    return null;
  }

  /** The exchange itself if it still waits, else the one that has waited longest. */
  #takeWaiting(cause: CarriedExchange | null): CarriedExchange | null {
    if (cause !== null && remove(this.#waiting, cause)) return cause;
    return this.#waiting.shift() ?? null;
  }

  #rest(connection: Connection): void {
    connection.rest();
    this.#idle.push(connection);
  }

  #open(exchange: CarriedExchange): void {
    exchange.hasOpening = true;
    this.#connections.push(new Connection(this, exchange));
    this.#timer ??= setInterval(() => this.#onTick(), this.#tickMs).unref();
  }

  #writeSoon(connection: Connection, exchange: CarriedExchange): void {
    connection.reserve(exchange);
    if (this.#due.push(connection) === 1) setImmediate(this.#writeDue);
  }

  readonly #writeDue = (): void => {
    const due = this.#due;
    this.#due = [];
    for (const connection of due) {
      const { exchange } = connection;
      if (!connection.isUsable) {
        if (exchange !== null) this.#place(exchange);
      } else if (exchange === null) {
        this.freed(connection);
      } else {
        connection.write();
      }
    }
  };

  readonly #forget = (exchange: CarriedExchange): void => {
    remove(this.#waiting, exchange);
    this.exchangeOver();
  };

  #onTick(): void {
    this.tick++;
    for (const connection of this.#connections) connection.onTick(this.tick);
  }

  #closeIfDone(): void {
    if (this.#connections.length === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
    if (this.#closing === null || this.#openExchanges > 0) return;
    if (this.#connections.length === 0) this.#closing.resolve();
    for (const connection of this.#connections) connection.destroy();
  }

  /** So many ticks are at least so many milliseconds; infinite for 0. */
  #ticksOf(ms: number): number {
    return ms === 0 ? Number.POSITIVE_INFINITY : Math.ceil(ms / this.#tickMs);
  }

  #idleTicks(keepAliveMs: number | null): number {
    if (keepAliveMs === null) return Math.ceil(this.#settings.keptMs / this.#tickMs);
    return Math.floor(Math.min(keepAliveMs - KEEP_ALIVE_MARGIN_MS, MAX_KEPT_MS) / this.#tickMs);
  }
}

function remove<Item>(items: Item[], item: Item): boolean {
  const at = items.indexOf(item);
  if (at < 0) return false;
  items.splice(at, 1);
  return true;
}
