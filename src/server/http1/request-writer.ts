import type { Socket } from 'node:net';

/** Longer requests are two pieces, the head and the body. */
const PIECE_BYTES = 80 * 1024;

/**
 * Writes requests to sockets, head and body as one piece of memory where they fit: Node's way for several pieces costs
 * more than to copy them. What is copied into is used for all requests, since a socket nearly always takes it at once.
 */
export class RequestWriter {
  #piece: Buffer | null = null;
  /** The socket that the piece was written to last. */
  #taker: Socket | null = null;

  /** @param head in latin1 */
  write(socket: Socket, head: string, body: Buffer | null): void {
    if (body === null || body.length === 0) {
      socket.write(head, 'latin1');
    } else if (head.length + body.length <= PIECE_BYTES && this.#isFree(socket)) {
      this.#writePiece(socket, head, body);
    } else {
      socket.cork();
      socket.write(head, 'latin1');
      socket.write(body);
      socket.uncork();
    }
  }

  /** TLS keeps what it is given for longer, and copies it anyway. */
  #isFree(socket: Socket): boolean {
    if ('encrypted' in socket) return false;
    const taker = this.#taker;
    return taker === null || taker.writableLength === 0 || taker.destroyed;
  }

  #writePiece(socket: Socket, head: string, body: Buffer): void {
    this.#piece ??= Buffer.allocUnsafeSlow(PIECE_BYTES);
    const piece = this.#piece;
    piece.write(head, 'latin1');
    piece.set(body, head.length);
    socket.write(piece.subarray(0, head.length + body.length));
    this.#taker = socket.writableLength === 0 ? null : socket;
  }
}
