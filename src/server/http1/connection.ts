import type { Socket } from 'node:net';
import { AnswerReader } from './answer-reader.ts';
import type { CarriedExchange, ExchangeConnection } from './carried-exchange.ts';
import { ExchangeError } from './exchange-error.ts';
import type { HeaderBlockReader } from './header-block.ts';
import type { RequestWriter } from './request-writer.ts';
import type { OpeningListener, SocketOpener } from './socket-opener.ts';

/** The pool of a connection. */
export interface ConnectionOwner {
  readonly opener: SocketOpener;
  readonly headerBlocks: HeaderBlockReader;
  readonly writer: RequestWriter;
  readonly waits: ConnectionWaits;
  /** Ticks since the beginning of time, as the waits count it. */
  readonly tick: number;
  /** It can carry an exchange. */
  opened(connection: Connection): void;
  /** Its exchange is over and it can carry another one. */
  freed(connection: Connection): void;
  /** It is gone, and carries nothing. `error`: where it was never opened. */
  closed(connection: Connection, error: Error | null): void;
  /** An exchange is over. */
  exchangeOver(): void;
}

/** How long it is waited for what, in ticks; infinite where there is no limit. */
export interface ConnectionWaits {
  readonly head: number;
  readonly body: number;
  /** An idle connection is kept so long. An upstream that tells how long it keeps one is believed instead. */
  idle(keepAliveMs: number | null): number;
}

/** One connection to an upstream, with at most one exchange at a time. */
export class Connection implements OpeningListener, ExchangeConnection {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #reader: AnswerReader;
  /** What it carries, or is kept for. */
  #exchange: CarriedExchange | null = null;
  #isWritten = false;
  #isOpen = false;
  #isPaused = false;
  #isGone = false;
  #error: Error | null = null;
  /** The tick since which it is waited for what is to come next. */
  #since = 0;
  #idleTicks = 0;
  /** What it is opened for. */
  cause: CarriedExchange | null;

  constructor(owner: ConnectionOwner, cause: CarriedExchange) {
    this.#owner = owner;
    this.cause = cause;
    this.#reader = new AnswerReader(owner.headerBlocks);
    this.#idleTicks = owner.waits.idle(null);
    this.#socket = owner.opener.open(this);
    this.#socket.on('error', (error) => {
      this.#error = error;
      this.#isGone = true;
    });
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('close', () => this.#onClose());
  }

  /** Whether an exchange can be written to it. */
  get isUsable(): boolean {
    return this.#isOpen && !this.#isGone;
  }

  get exchange(): CarriedExchange | null {
    return this.#exchange;
  }

  /** It is kept for this exchange, which is not written yet. */
  reserve(exchange: CarriedExchange): void {
    this.#exchange = exchange;
    exchange.connection = this;
    this.#socket.ref();
  }

  /** Writes the exchange that it is kept for. */
  write(): void {
    const exchange = this.#exchange;
    if (exchange === null || exchange.head === null) return;
    const { head, body } = exchange;
    exchange.head = null;
    exchange.body = null;
    this.#isWritten = true;
    this.#since = this.#owner.tick;
    this.#reader.begin(exchange.method);
    this.#owner.writer.write(this.#socket, head, body);
    exchange.receiver.sent();
  }

  /** It is idle: it waits for an exchange, and does not keep the process alive. */
  rest(): void {
    this.#since = this.#owner.tick;
    this.#socket.unref();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#since = this.#owner.tick;
    this.#socket.resume();
  }

  /** Nobody wants the answer any more: whatever still comes of it is not the answer to anything else. */
  abandon(): void {
    if (this.#exchange === null) return;
    this.#exchange = null;
    if (this.#isWritten) this.destroy();
    this.#owner.exchangeOver();
  }

  destroy(): void {
    this.#isGone = true;
    this.#socket.destroy();
  }

  /** Looks whether something has been waited for too long. */
  onTick(tick: number): void {
    if (!this.#isOpen || this.#isGone) return;
    const waited = tick - this.#since;
    if (this.#exchange === null) {
      if (waited > this.#idleTicks) this.destroy();
    } else if (!this.#isWritten || this.#isPaused) {
      this.#since = tick;
    } else if (!this.#reader.hasHead) {
      if (waited > this.#owner.waits.head) this.#fail(timedOut('HEAD_TIMEOUT', 'did not begin its answer in time'));
    } else if (waited > this.#owner.waits.body) {
      this.#fail(timedOut('BODY_TIMEOUT', 'paused in its answer for too long'));
    }
  }

  opened(): void {
    if (this.#isGone) return;
    this.#isOpen = true;
    this.#owner.opened(this);
  }

  read(bytes: number): void {
    const exchange = this.#exchange;
    if (exchange === null || !this.#isWritten) {
      this.destroy(); // nothing was asked that this could be the answer to
      return;
    }
    try {
      this.#reader.read(this.#owner.opener.readBuffer, bytes);
      if (this.#reader.hasHead) this.#since = this.#owner.tick;
      this.#deliver(exchange);
    } catch (error) {
      exchange.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Tells the receiver what the read brought. Any of it may make the receiver end the exchange. */
  #deliver(exchange: CarriedExchange): void {
    const { head, piece, fault, isOver } = this.#reader;
    this.#reader.forgetRead();
    if (head !== null) exchange.receiver.head(head);
    if (piece !== null && !exchange.isOver) exchange.receiver.data(piece);
    if (exchange.isOver) return;
    if (fault !== null) this.#fail(fault);
    else if (isOver) this.#complete(exchange);
  }

  #complete(exchange: CarriedExchange): void {
    exchange.isOver = true;
    exchange.connection = null;
    this.#exchange = null;
    // A request that has not gone out whole is one whose rest nobody will read.
    const isReusable = this.#reader.keepsAlive && !exchange.isLast && this.#socket.writableLength === 0;
    if (isReusable) this.#free();
    else this.destroy();
    this.#owner.exchangeOver();
    exchange.receiver.end();
  }

  #free(): void {
    this.#isWritten = false;
    this.resume();
    this.#idleTicks = this.#owner.waits.idle(this.#reader.keepAliveMs);
    if (this.#idleTicks > 0) this.#owner.freed(this);
    else this.destroy();
  }

  #onEnd(): void {
    const exchange = this.#exchange;
    if (exchange !== null && this.#isWritten && this.#reader.endOfConnection()) this.#complete(exchange);
    else this.destroy();
  }

  #onClose(): void {
    this.#isGone = true;
    const error = this.#error ?? new ExchangeError('CONNECTION_CLOSED', 'The upstream closed the connection.');
    if (this.#exchange !== null && this.#isWritten) this.#fail(error);
    this.#owner.closed(this, this.#isOpen ? null : error);
  }

  #fail(error: Error): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#exchange = null;
    this.destroy();
    this.#owner.exchangeOver();
    exchange.fail(error);
  }
}

function timedOut(code: 'HEAD_TIMEOUT' | 'BODY_TIMEOUT', what: string): ExchangeError {
  return new ExchangeError(code, `The upstream ${what}.`);
}
