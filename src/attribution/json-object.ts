const MAX_LENGTH = 8192;

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads the JSON object of a header such as `cf-aig-metadata`; null where it is none or is longer than 8 KiB. */
export function parseJsonHeader(text: string): JsonObject | null {
  if (text.length > MAX_LENGTH) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null; // another gateway's header: its faults are no reason to refuse the call
  }
}

/**
 * Gives an object's own member where it can be an id: a string, or a whole number as text. Inherited members, among
 * them those of `__proto__`, are none.
 */
export function idMember(object: JsonObject | null, name: string): string | null {
  if (object === null || !Object.hasOwn(object, name)) return null;
  const value = object[name];
  if (typeof value === 'string') return value;
  return Number.isSafeInteger(value) ? String(value) : null;
}
