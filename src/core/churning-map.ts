/** A name and its value, and the next of those that have the same place. */
interface Entry<Value> {
  readonly name: string;
  value: Value;
  next: Entry<Value> | null;
}

const FIRST_PLACES = 64;
/** By so many of its last characters a name is put in its place: ids differ in them. */
const HASHED_LENGTH = 8;

/**
 * A map by text that much is put into and taken out of, for names that are used for a while and then never again. Not a
 * Map: each time one is made anew, every few dozen changes, its old table points to the next one and so to all that came
 * after, and once such a table has grown old the young generation's collector keeps everything behind it alive. Nor an
 * object: V8 enters every name of a member in a table of its own, which costs more than all else that is done with it
 * (docs/performance.md, "What was tried").
 *
 * It does not give places back: it is as large as the most that was ever in it.
 */
export class ChurningMap<Value> {
  #places: (Entry<Value> | null)[] = new Array(FIRST_PLACES).fill(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(name: string): Value | undefined {
    return this.#find(name)?.value;
  }

  has(name: string): boolean {
    return this.#find(name) !== null;
  }

  set(name: string, value: Value): void {
    const known = this.#find(name);
    if (known !== null) {
      known.value = value;
      return;
    }
    if (this.#size >= this.#places.length) this.#grow();
    this.#size += 1;
    this.#put({ name, value, next: null });
  }

  /** Takes the entry out and gives its value; undefined where there is none. */
  take(name: string): Value | undefined {
    const place = placeOf(name, this.#places.length);
    let before: Entry<Value> | null = null;
    let entry = this.#places[place] ?? null;
    while (entry !== null && entry.name !== name) {
      before = entry;
      entry = entry.next;
    }
    if (entry === null) return undefined;
    if (before === null) this.#places[place] = entry.next;
    else before.next = entry.next;
    entry.next = null; // an old entry must keep no young one alive
    this.#size -= 1;
    return entry.value;
  }

  /** Names and values as they are now; what is done to the map meanwhile does not matter. */
  entries(): [string, Value][] {
    const entries: [string, Value][] = [];
    for (const first of this.#places) {
      for (let entry = first; entry !== null; entry = entry.next) entries.push([entry.name, entry.value]);
    }
    return entries;
  }

  #find(name: string): Entry<Value> | null {
    let entry = this.#places[placeOf(name, this.#places.length)] ?? null;
    while (entry !== null && entry.name !== name) entry = entry.next;
    return entry;
  }

  #put(entry: Entry<Value>): void {
    const place = placeOf(entry.name, this.#places.length);
    entry.next = this.#places[place] ?? null;
    this.#places[place] = entry;
  }

  #grow(): void {
    const old = this.#places;
    this.#places = new Array(old.length * 2).fill(null);
    for (const first of old) {
      let entry = first;
      while (entry !== null) {
        const { next } = entry;
        this.#put(entry);
        entry = next;
      }
    }
  }
}

/** @param places a power of two */
function placeOf(name: string, places: number): number {
  let hash = 0;
  for (let i = Math.max(0, name.length - HASHED_LENGTH); i < name.length; i++) {
    hash = Math.imul(hash, 31) + name.charCodeAt(i);
  }
  return (hash ^ (hash >>> 15)) & (places - 1);
}
