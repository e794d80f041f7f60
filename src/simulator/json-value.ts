/** A JSON object of which nothing is known yet. */
export type JsonObject = Record<string, unknown>;

/** Tells whether a parsed JSON value is an object (an array is not). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value itself where it is an object, else an empty one. For members that are optional and read leniently. */
export function objectOrEmpty(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** The value itself where it is an array, else an empty one. */
export function arrayOrEmpty(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** A number without its fraction; `absent` where there is no number. */
export function wholeNumber(value: unknown, absent: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.floor(value) : absent;
}

/** What a JSON value is, in the words of OpenAI's messages: `a string`, `an integer`, `null`, … */
export function describeValue(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal';
  return `a ${typeof value}`;
}
