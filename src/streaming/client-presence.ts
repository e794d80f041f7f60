import type { ClientResponse } from './client-response.ts';
/**
 * Whether the client is still there. A client has left when its connection closed before its answer was finished.
 */
export class ClientPresence {
  readonly #response: ClientResponse;
  #listeners: (() => void)[] = [];
  #left = false;

  constructor(response: ClientResponse) {
    this.#response = response;
    response.once('close', () => {
      if (!response.writableFinished) this.#leave();
    });
    // A write to a connection that has just gone emits an error; its close tells what there is to know.
    response.on('error', ignore);
    response.on('timeout', () => this.cut());
    if (response.destroyed) this.#leave();
  }

  get left(): boolean {
    return this.#left;
  }

  /** Calls `listener` when the client leaves, at once if it has left already. Gives a function that takes it back. */
  onLeave(listener: () => void): () => void {
    if (this.#left) {
      listener();
      return () => undefined;
    }
    this.#listeners = [...this.#listeners, listener]; // a list that is pushed to has room for seventeen
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /**
   * Counts the client as gone if it takes nothing for `maxMs`. Told from the connection's own timer, which also sees
   * that a large write gets on while it is under way.
   */
  cutIfStalled(maxMs: number): void {
    this.#response.setTimeout(maxMs);
  }

  /** The client has taken everything, and nothing need happen now. */
  mayIdle(): void {
    this.#response.setTimeout(0);
  }

  /** Ends the client's connection without a proper end of the answer: what it got is not whole, and it must see that. */
  cut(): void {
    const { socket } = this.#response;
    this.#response.destroy();
    socket?.destroy();
    // Behind an unfinished answer on the same connection (pipelining) it has no socket yet, and no close will tell.
    if (socket === null) this.#leave();
  }

  /** The same, once the client has taken what has been written; at once if it takes nothing for `maxMs`. */
  cutAfterWrites(maxMs: number): void {
    const { socket } = this.#response;
    if (socket === null) {
      this.cut();
      return;
    }
    this.cutIfStalled(maxMs);
    socket.destroySoon();
  }

  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}

function ignore(): void {}
