/**
 * A bounded cache that keeps what was used lately. Two generations instead of a list of uses: new and used entries are
 * in the young one; when it is full it becomes the old one, and what nobody asked for in the meantime is dropped with
 * the generation after it. A hit costs one Map lookup, where an exact LRU would delete and insert on every hit.
 */
export class RecentCache<Key, Value> {
  readonly #generationSize: number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  /** @param capacity the most entries that are ever held; at least 2 */
  constructor(capacity: number) {
    this.#generationSize = Math.max(1, Math.floor(capacity / 2));
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#generationSize && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
