import { isObject } from './json-object.ts';
import { AMBIGUOUS_NAMES, DETAIL_NAMES, DETAIL_SIDES, MONEY_MEMBERS } from './usage-fields.ts';

/** A usage object is flat or nearly so; deeper members are some vendor's report and stay in the raw object only. */
const MAX_DEPTH = 4;
const MAX_ENTRIES = 64;
const MAX_NAME_LENGTH = 100;
const DETAILS_SUFFIX = '_details';

/** Where the walk is. */
interface Place {
  readonly depth: number;
  /** The path so far, with a dot at its end. */
  readonly path: string;
  /** The names of the objects that are no details, with an underscore at the end. */
  readonly prefix: string;
  /** What the nearest details object is about. */
  readonly side: string | null;
}

/**
 * Collects every non-negative integer of a vendor's object under a flat name: a member at the top or in a details
 * object by its own name, one that would be ambiguous there with its side (`input_text_tokens`), one in another object
 * with that object's name (`svg_input_tokens`). Fractions are timings and prices and are left out, but for the top's
 * `seconds`. At most 64 entries are kept.
 */
export class UsageDetails {
  readonly #entries = new Map<string, number>();

  /** Sets an entry of our own making; these are never crowded out. */
  set(name: string, value: number): void {
    this.#entries.set(name, value);
  }

  /** Adds to what stands under `name`. */
  add(name: string, value: number): void {
    const sum = (this.#entries.get(name) ?? 0) + value;
    if (this.#entries.has(name) || this.#entries.size < MAX_ENTRIES) this.#entries.set(name, sum);
  }

  /**
   * Takes the integers of `object`.
   *
   * @param accept is asked for each, with its path joined by dots; those it declines are not taken
   * @param prefix the name of the object itself, where it is no usage object
   */
  collect(object: Record<string, unknown>, accept: (path: string, value: number) => boolean, prefix?: string): void {
    this.#walk(object, { depth: 0, path: '', prefix: prefix === undefined ? '' : `${prefix}_`, side: null }, accept);
  }

  toObject(): Record<string, number> {
    return Object.fromEntries(this.#entries);
  }

  #walk(object: Record<string, unknown>, place: Place, accept: (path: string, value: number) => boolean): void {
    for (const [key, value] of Object.entries(object)) {
      if (MONEY_MEMBERS.has(key)) continue;
      if (isObject(value)) {
        if (place.depth + 1 < MAX_DEPTH) this.#walk(value, enter(place, key), accept);
      } else if (isDetail(key, value, place) && accept(place.path + key, value)) {
        this.#put(nameOf(place, key), value);
      }
    }
  }

  #put(name: string, value: number): void {
    if (name.length > MAX_NAME_LENGTH || this.#entries.has(name)) return;
    if (this.#entries.size < MAX_ENTRIES) this.#entries.set(name, value);
  }
}

function isDetail(key: string, value: unknown, place: Place): value is number {
  if (typeof value !== 'number' || value < 0) return false;
  if (key === 'seconds' && place.depth === 0) return Number.isFinite(value);
  return Number.isSafeInteger(value);
}

function enter(place: Place, key: string): Place {
  const depth = place.depth + 1;
  const path = `${place.path}${key}.`;
  if (!key.endsWith(DETAILS_SUFFIX)) return { depth, path, prefix: `${place.prefix}${key}_`, side: null };
  return { depth, path, prefix: place.prefix, side: DETAIL_SIDES.get(key) ?? bareName(key) };
}

/** `cached_tokens_details` are details of what is `cached`. */
function bareName(key: string): string {
  return key.slice(0, -DETAILS_SUFFIX.length).replace(/_tokens?$/, '');
}

function nameOf(place: Place, key: string): string {
  const side = place.side !== null && AMBIGUOUS_NAMES.has(key) ? `${place.side}_` : '';
  const name = `${place.prefix}${side}${key}`;
  return DETAIL_NAMES.get(name) ?? name;
}
