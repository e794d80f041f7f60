interface Entry<Given> {
  readonly event: string;
  readonly listener: (given: Given) => void;
  readonly once: boolean;
}

/**
 * Who listens to a message: a handful of entries in one list, where an `EventEmitter` keeps an object of lists. As there,
 * listeners are called in the order of their asking, and whoever comes or goes during an event changes the next one.
 */
export class Listeners<Given> {
  #entries: Entry<Given>[] = [];

  add(event: string, listener: (given: Given) => void, once: boolean): void {
    // Most have one or two listeners, and a list that is pushed to has room for seventeen.
    this.#entries = [...this.#entries, { event, listener, once }];
  }

  remove(event: string, listener: (given: Given) => void): void {
    this.#entries = this.#entries.filter((entry) => entry.event !== event || entry.listener !== listener);
  }

  removeAll(event: string): void {
    this.#entries = this.#entries.filter((entry) => entry.event !== event);
  }

  /** Calls those who listen. Gives whether there was anybody. */
  emit(event: string, given: Given): boolean {
    const entries = this.#entries;
    const { length } = entries;
    let isHeard = false;
    for (let i = 0; i < length; i++) {
      const entry = entries[i];
      if (entry?.event !== event) continue;
      isHeard = true;
      if (entry.once) this.#entries = this.#entries.filter((other) => other !== entry);
      entry.listener(given);
    }
    return isHeard;
  }
}
