import { isObject } from './json-object.ts';
import {
  AMBIGUOUS_NAMES,
  type CountField,
  DETAIL_NAMES,
  DETAIL_SIDES,
  MONEY_MEMBERS,
  USAGE_PLACES,
  type UsagePlaces,
} from './usage-fields.ts';

/** A usage object is flat or nearly so; deeper members are some vendor's report and stay in the raw object only. */
const MAX_DEPTH = 4;
const MAX_ENTRIES = 64;
const MAX_NAME_LENGTH = 100;
const DETAILS_SUFFIX = '_details';

/** Where the walk is. */
interface Place {
  readonly depth: number;
  /** The counts that are known to stand here or further in. */
  readonly known: UsagePlaces;
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
  /** Made with the first entry: most usage has none. */
  #entries: Map<string, number> | null = null;

  /** Sets an entry of our own making; these are never crowded out. */
  set(name: string, value: number): void {
    this.#made().set(name, value);
  }

  /** Adds to what stands under `name`. */
  add(name: string, value: number): void {
    const entries = this.#made();
    const sum = (entries.get(name) ?? 0) + value;
    if (entries.has(name) || entries.size < MAX_ENTRIES) entries.set(name, sum);
  }

  /**
   * Takes the integers of a usage object.
   *
   * @param accept is asked for each, with the count that is known to stand at its place, if there is one; those it
   *   declines are not taken
   */
  collect(usage: Record<string, unknown>, accept: Accept): void {
    this.#walk(usage, { depth: 0, known: USAGE_PLACES, prefix: '', side: null }, accept);
  }

  /** Takes the integers above zero of an object that stands beside the usage, under names that begin with `prefix`. */
  collectBeside(object: Record<string, unknown>, prefix: string | undefined): void {
    const place = { depth: 0, known: NOWHERE, prefix: prefix === undefined ? '' : `${prefix}_`, side: null };
    this.#walk(object, place, (_known, value) => value > 0);
  }

  toObject(): Record<string, number> {
    return this.#entries === null ? {} : Object.fromEntries(this.#entries);
  }

  #made(): Map<string, number> {
    this.#entries ??= new Map();
    return this.#entries;
  }

  #walk(object: Record<string, unknown>, place: Place, accept: Accept): void {
    for (const key of Object.keys(object)) {
      if (MONEY_MEMBERS.has(key)) continue;
      const value = object[key];
      if (isObject(value)) {
        if (place.depth + 1 < MAX_DEPTH) this.#walk(value, enter(place, key), accept);
      } else if (isDetail(key, value, place) && accept(place.known.get(key)?.field ?? null, value)) {
        this.#put(nameOf(place, key), value);
      }
    }
  }

  #put(name: string, value: number): void {
    const entries = this.#made();
    if (name.length > MAX_NAME_LENGTH || entries.has(name)) return;
    if (entries.size < MAX_ENTRIES) entries.set(name, value);
  }
}

/** Whether a number is to be taken, at whose place `known` is known to stand. */
type Accept = (known: CountField | null, value: number) => boolean;

const NOWHERE: UsagePlaces = new Map();

function isDetail(key: string, value: unknown, place: Place): value is number {
  if (typeof value !== 'number' || value < 0) return false;
  if (key === 'seconds' && place.depth === 0) return Number.isFinite(value);
  return Number.isSafeInteger(value);
}

function enter(place: Place, key: string): Place {
  const depth = place.depth + 1;
  const known = place.known.get(key)?.members ?? NOWHERE;
  if (!key.endsWith(DETAILS_SUFFIX)) return { depth, known, prefix: `${place.prefix}${key}_`, side: null };
  return { depth, known, prefix: place.prefix, side: DETAIL_SIDES.get(key) ?? bareName(key) };
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
