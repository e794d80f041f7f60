import type { Readable } from 'node:stream';
import type { HeaderField } from './http1/header-block.ts';
import type { RepeatedHead } from './http1/request-head.ts';

/** A request as it is written to an upstream. */
export interface CarriedRequest<Body = Buffer | Readable | null> {
  readonly method: string;
  /** Path and query, with the path of the upstream's base URL. */
  readonly path: string;
  /** Name, value, name, value, …, without what the carrier sets: `host`, `connection`, and the length of a known body. */
  readonly headers: readonly string[];
  /** They are known to be names and values that cannot break out of their lines; else the carrier looks. */
  readonly isStrict?: boolean;
  /**
   * Shared by the requests to one upstream whose methods, paths and headers are the same, where they are strict: in it a
   * carrier may keep what it makes of them.
   */
  readonly repeated?: RepeatedHead | null;
  readonly body: Body;
}

export interface CarriedHead {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly HeaderField[];
  /** The fields were read strictly: names are tokens, and no value can break out of its line. */
  readonly isStrict?: boolean;
}

/** Is told what becomes of one exchange: `head`, then any `data`, then `end`; or `failed`, after which nothing comes. */
export interface AnswerReceiver {
  /** The request is on its way: from here on the upstream may have begun to work. */
  sent(): void;
  head(head: CarriedHead): void;
  /** The bytes are the receiver's to keep. */
  data(chunk: Buffer): void;
  end(): void;
  failed(error: Error): void;
}

/** An exchange on its way. */
export interface Sending {
  /** No more data, please; what has been read already may still come. The time that an answer may pause stands still. */
  pause(): void;
  resume(): void;
  /** Ends the exchange, if it is not over; the receiver is told the reason at once. */
  abort(reason: Error): void;
}

/** Carries exchanges with one upstream. */
export interface Carrier<Body = Buffer | Readable | null> {
  /** @throws Error where the request cannot be written as it is, or the carrier is closed */
  send(request: CarriedRequest<Body>, receiver: AnswerReceiver): Sending;
  /** Resolves when all exchanges are over and all connections closed. */
  close(): Promise<void>;
}
