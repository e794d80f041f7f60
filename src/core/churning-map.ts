/**
 * A map by text that much is put into and taken out of. Not a Map: each time one is made anew, every few dozen changes,
 * its old table points to the next one and so to all that came after, and once such a table has grown old the young
 * generation's collector keeps everything behind it alive (docs/performance.md, "What was tried"). Values are never
 * undefined, so that a look for one tells whether the name is there: to ask for the name alone takes V8 much longer.
 */
export class ChurningMap<Value extends NonNullable<unknown> | null> {
  /** Without a prototype, so that no name means anything; in V8 a plain hash table after the first removal. */
  #values: Record<string, Value> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(name: string): Value | undefined {
    return this.#values[name];
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  set(name: string, value: Value): void {
    if (!this.has(name)) this.#size += 1;
    this.#values[name] = value;
  }

  /** Takes the entry out and gives its value; undefined where there is none. */
  take(name: string): Value | undefined {
    const value = this.#values[name];
    if (value === undefined) return undefined;
    delete this.#values[name];
    this.#size -= 1;
    return value;
  }

  /** Names and values as they are now; what is done to the map meanwhile does not matter. */
  entries(): [string, Value][] {
    return Object.entries(this.#values);
  }
}
