/** An answer of which something waits to be given to the system. */
export interface DueAnswer {
  flushDue(): void;
}

/** What is used of a client's socket. */
export interface OutputSocket {
  /** Bytes that the system has not taken yet: as long as there are any, the memory that was written is the socket's. */
  readonly writableLength: number;
  write(bytes: Buffer): unknown;
}

/** Up to this length what goes out is put together in one piece: cheaper than to have the system gather it. */
export const MAX_JOINED_BYTES = 4096;
/** How many answers may wait for one another. */
const MOST_DUE = 64;

/**
 * What the answers of a lane write in one turn of the event loop. It goes out when all that the turn brought has been
 * read: one kind of work after the other, in place of both by turns for each event, and one timer for all.
 *
 * What is short is put together in memory that is used again for the next answer. Memory of its own for each event would
 * outlive its use until the next collection, and with it whatever `Buffer`'s pool has cut from the same 64 KiB.
 */
export class TurnOutput {
  #due: DueAnswer[] = [];
  #bytes = Buffer.allocUnsafeSlow(MAX_JOINED_BYTES);
  /** Views of the first bytes, by their number: the events of streams are of few lengths. */
  #views: (Buffer | undefined)[] = [];

  /** Has `answer` flushed at the end of the turn; sooner if many wait, or the first would wait too long for the last. */
  flushSoon(answer: DueAnswer): void {
    const due = this.#due.push(answer);
    if (due === 1) setImmediate(this.#flush);
    else if (due === MOST_DUE) this.#flush();
  }

  /** Memory of `length` bytes for the next {@link write}, of at most `MAX_JOINED_BYTES`. */
  room(length: number): Buffer {
    const known = this.#views[length];
    if (known !== undefined) return known;
    const view = this.#bytes.subarray(0, length);
    this.#views[length] = view;
    return view;
  }

  /** Writes what has been put in `room` to `socket`. */
  write(socket: OutputSocket, room: Buffer): void {
    if (socket.writableLength > 0) {
      socket.write(Buffer.from(room)); // it will wait behind what the client has not taken
      return;
    }
    socket.write(room);
    if (socket.writableLength === 0) return; // the system has copied it
    this.#bytes = Buffer.allocUnsafeSlow(MAX_JOINED_BYTES);
    this.#views = [];
  }

  readonly #flush = (): void => {
    const due = this.#due;
    this.#due = [];
    for (const answer of due) answer.flushDue();
  };
}
