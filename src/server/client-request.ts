import type { IncomingHttpHeaders } from 'node:http';

/**
 * What is used of a client's request: what Node's `IncomingMessage` has, and what `PlainRequest` does alike. The bytes
 * of the body come as they are asked for, from the next turn on.
 */
export interface ClientRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** The client's connection. */
  readonly socket: { readonly remoteAddress?: string | undefined };
  /** By name in lower case, in the order of `rawHeaders`. */
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value, … */
  readonly rawHeaders: readonly string[];
  /** Whether they were read strictly: names are tokens, and no value can break out of its line. */
  readonly isStrict?: boolean;
  /**
   * Stands for all that the head says but for the length of the body: the same object for requests that say the same.
   * Null, or left out, where none before is known that did.
   */
  readonly likeness?: object | null;
  /** Whether all of it has come. */
  readonly complete: boolean;
  readonly destroyed: boolean;
  /** Whether `end` has been told. */
  readonly readableEnded: boolean;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'data', listener: (chunk: Buffer) => void): unknown;
  off(event: 'end' | 'close' | 'error', listener: () => void): unknown;
  removeAllListeners(event: 'data'): unknown;
  /** The whole body, where it has come already and nobody has asked for it. It is then over, and nothing more is told. */
  takeWhole?(): Buffer | null;
  /**
   * A piece of the body, as `data` gave it, has been copied and nobody will look at it again: its memory goes back at
   * once, where it is known to be nobody else's. The piece is empty then.
   */
  giveBack?(chunk: Buffer): void;
  /** Nobody will read the headers any more: while a stream is open they need not be kept. */
  forgetHead?(): void;
  pause(): unknown;
  resume(): unknown;
}
