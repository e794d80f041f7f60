import type { AnswerReceiver, Sending } from '../carrier.ts';

/** What an exchange does to the connection that carries it. */
export interface ExchangeConnection {
  pause(): void;
  resume(): void;
  /** The exchange is ended by its caller. */
  abandon(): void;
}

/** A request and its answer, from the moment that it is asked for until it is over. */
export class CarriedExchange implements Sending {
  readonly method: string;
  readonly receiver: AnswerReceiver;
  readonly #forget: (exchange: CarriedExchange) => void;
  /** What is to be written; null once it is. */
  head: string | null;
  body: Buffer | null;
  /** Whether the connection is used for nothing after it. */
  readonly isLast: boolean;
  /** The connection that carries it, or soon will. */
  connection: ExchangeConnection | null = null;
  /** A connection is being opened because of it. */
  hasOpening = false;
  isOver = false;

  /** @param forget called when it is aborted while no connection carries it */
  constructor(
    request: { readonly method: string; readonly head: string; readonly body: Buffer | null; readonly isLast: boolean },
    receiver: AnswerReceiver,
    forget: (exchange: CarriedExchange) => void,
  ) {
    this.method = request.method;
    this.head = request.head;
    this.body = request.body;
    this.isLast = request.isLast;
    this.receiver = receiver;
    this.#forget = forget;
  }

  pause(): void {
    if (!this.isOver) this.connection?.pause();
  }

  resume(): void {
    if (!this.isOver) this.connection?.resume();
  }

  abort(reason: Error): void {
    if (this.isOver) return;
    if (this.connection === null) this.#forget(this);
    else this.connection.abandon();
    this.fail(reason);
  }

  /** Over, for this reason; told once. */
  fail(reason: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.head = null;
    this.body = null;
    this.connection = null;
    this.receiver.failed(reason);
  }
}
