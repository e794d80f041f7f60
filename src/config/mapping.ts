/** A YAML mapping or any other object whose members are not known yet. */
export type Mapping = Record<string, unknown>;

/** Tells whether `value` is an object that is neither null nor a list. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
