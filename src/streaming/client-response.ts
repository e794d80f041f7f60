/**
 * What is used of the answer to a client: what Node's `ServerResponse` has, and what others do alike. Written bytes may
 * wait for the end of the turn, so that what belongs together goes out together.
 */
export interface ClientResponse {
  /** Whether a `Date` is added where the head has none. */
  sendDate: boolean;
  /** Whether the connection may be used for a further request. */
  shouldKeepAlive: boolean;
  readonly headersSent: boolean;
  /** Whether the last byte has been given to the system. */
  readonly writableFinished: boolean;
  /** Bytes that the system has not taken yet. */
  readonly writableLength: number;
  readonly destroyed: boolean;
  /** Whether `close` has been told, which comes after the last byte or in place of it. */
  readonly closed: boolean;
  /** Null where the connection serves another answer, before or after this one. */
  readonly socket: ClientSocket | null;
  readonly req: AnsweredRequest;
  /** @param headers name, value, name, value, … */
  writeHead(status: number, statusText: string, headers: string[]): unknown;
  writeHead(status: number, headers: Record<string, string>): unknown;
  /** The same, of headers that are known to be names and values which cannot break out of their lines. */
  writeStrictHead?(status: number, statusText: string, fields: readonly StrictField[]): unknown;
  /** Gives false where the client should take what has been written before more is; `drain` tells when it has. */
  write(bytes: Buffer): boolean;
  end(bytes?: Buffer): unknown;
  on(event: 'close' | 'drain' | 'error' | 'timeout', listener: () => void): unknown;
  once(event: 'close' | 'drain' | 'error' | 'timeout', listener: () => void): unknown;
  /** `timeout` is told when the client has taken nothing for that long; 0: never. */
  setTimeout(ms: number): unknown;
  /** Cuts the connection. */
  destroy(): unknown;
}

/** One header of a head. */
export interface StrictField {
  readonly name: string;
  readonly lowerName: string;
  readonly value: string;
  /** As HTTP/1.1 writes it: the name, a colon, a blank, the value, CR LF. */
  readonly line: string;
}

/** A client's connection. */
export interface ClientSocket {
  destroy(): unknown;
  /** The same, once all that has been written to it has been taken. */
  destroySoon(): void;
}

/** The request that is answered, of which an answer only throws away the rest. */
export interface AnsweredRequest {
  removeAllListeners(event: 'data'): unknown;
  resume(): unknown;
}
