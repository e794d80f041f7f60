import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { ConnectionError, type Lane, PlainConnection } from './plain-connection.ts';
import type { PlainRequest } from './plain-request.ts';
import type { PlainResponse } from './plain-response.ts';
import type { RememberedHead } from './remembered-head.ts';
import { TurnOutput } from './turn-output.ts';

/** Longer heads are Node's to read. */
const MAX_HEAD_BYTES = 16_384;
const LONGEST_LOOK_MS = 1000;
const SHORTEST_LOOK_MS = 20;
/** How long a client may take to read why it was refused. */
const LAST_WORDS_MS = 30_000;
/** Beyond the time that clients are told, so that none of them sends into a connection that is just closing; as Node. */
const KEEP_ALIVE_BUFFER_MS = 1000;

/** Who takes what comes. */
export interface LaneTakers {
  /** Plain requests. */
  serve(request: PlainRequest, response: PlainResponse): void;
  /** Connections on which anything else has come. */
  handOver(socket: Socket): void;
}

/**
 * Reads the plain requests of a server's connections in place of Node's `http`. A connection on which anything else comes
 * becomes Node's, as if it had been from the beginning.
 */
export class PlainLane implements Lane {
  readonly #server: Server;
  readonly #takers: LaneTakers;
  readonly #connections: PlainConnection[] = [];
  readonly maxHeadBytes: number;
  readonly keepAliveLines: string;
  readonly output = new TurnOutput();
  lastHead: RememberedHead | null = null;
  #looks: NodeJS.Timeout | null = null;
  #lookMs = LONGEST_LOOK_MS;

  constructor(server: Server, takers: LaneTakers, maxHeaderBytes: number) {
    this.#server = server;
    this.#takers = takers;
    this.maxHeadBytes = Math.min(MAX_HEAD_BYTES, maxHeaderBytes);
    const { keepAliveTimeout } = server;
    const timeout = keepAliveTimeout > 0 ? `Keep-Alive: timeout=${Math.floor(keepAliveTimeout / 1000)}\r\n` : '';
    this.keepAliveLines = `Connection: keep-alive\r\n${timeout}`;
  }

  accept(socket: Socket): void {
    const connection = new PlainConnection(socket, this);
    connection.place = this.#connections.length;
    this.#connections.push(connection);
    if (this.#looks === null) this.#startLooking();
  }

  serve(request: PlainRequest, response: PlainResponse): void {
    this.#takers.serve(request, response);
  }

  handOver(connection: PlainConnection, bytes: Buffer): void {
    const { socket } = connection;
    connection.release();
    this.closed(connection);
    // Nothing is read on before Node's listener is there, which then finds these bytes first.
    socket.pause();
    socket.unshift(bytes);
    this.#takers.handOver(socket);
    socket.resume();
  }

  refuse(error: Error, socket: Socket): void {
    if (!this.#server.emit('clientError', error, socket)) socket.destroy();
  }

  closed(connection: PlainConnection): void {
    const { place } = connection;
    if (place < 0) return;
    connection.place = -1;
    const last = this.#connections.pop();
    if (last === undefined || last === connection) return;
    this.#connections[place] = last;
    last.place = place;
  }

  closeIdle(): void {
    for (const connection of this.#connections) {
      if (connection.waitsFor === 'next request') connection.socket.destroy();
    }
  }

  closeAll(): void {
    for (const { socket } of this.#connections) socket.destroy();
  }

  #startLooking(): void {
    const times = [...this.#patience()].filter((ms) => ms > 0);
    this.#lookMs = Math.max(SHORTEST_LOOK_MS, Math.min(LONGEST_LOOK_MS, ...times.map((ms) => ms / 4)));
    this.#looks = setInterval(() => this.#look(), this.#lookMs);
    this.#looks.unref();
  }

  #patience(): readonly number[] {
    const { headersTimeout, requestTimeout, keepAliveTimeout } = this.#server;
    return [headersTimeout, requestTimeout, keepAliveTimeout];
  }

  /** Ends what has waited too long. Never early: a wait counts from the first look that meets it. */
  #look(): void {
    if (this.#connections.length === 0 && this.#looks !== null) {
      clearInterval(this.#looks);
      this.#looks = null;
    }
    for (const connection of this.#connections) {
      const ms = connection.looksWaited * this.#lookMs;
      connection.looksWaited += 1;
      this.#endIfLate(connection, ms);
    }
  }

  #endIfLate(connection: PlainConnection, waitedMs: number): void {
    const { headersTimeout, requestTimeout, keepAliveTimeout } = this.#server;
    switch (connection.waitsFor) {
      case 'answer':
        return;
      case 'next request':
        if (keepAliveTimeout > 0 && waitedMs >= keepAliveTimeout + KEEP_ALIVE_BUFFER_MS) connection.socket.destroy();
        return;
      case 'first request':
        if (headersTimeout > 0 && waitedMs >= headersTimeout) this.#timeOut(connection);
        return;
      case 'rest of a request':
        if (requestTimeout > 0 && waitedMs >= requestTimeout) this.#timeOut(connection);
        return;
      case 'end of the client':
        if (waitedMs >= LAST_WORDS_MS) connection.socket.destroy();
    }
  }

  #timeOut(connection: PlainConnection): void {
    connection.refuse(new ConnectionError('ERR_HTTP_REQUEST_TIMEOUT', 'the request did not come in time'));
  }
}
