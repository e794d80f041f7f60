import type { ServerResponse } from 'node:http';

/**
 * Whether the client is still there. A client has left when its connection closed before its answer was finished.
 */
export class ClientPresence {
  readonly #response: ServerResponse;
  readonly #listeners = new Set<() => void>();
  #left = false;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.once('close', () => {
      if (!response.writableFinished) this.#leave();
    });
    // A write to a connection that has just gone emits an error; its close tells what there is to know.
    response.on('error', () => undefined);
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
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the client's connection without a proper end of the answer: what it got is not whole, and it must see that. */
  cut(): void {
    this.#response.destroy();
    this.#response.socket?.destroy();
  }

  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}
