import type { TSchema } from 'typebox';

/** A JSON object that is written into the document. */
export type SchemaJson = { readonly [name: string]: unknown };

/**
 * Writes a schema as plain JSON. Every part of it that has an `$id` is put among the components under that name, and a
 * `$ref` stands in its place.
 *
 * @throws Error where two different shapes have one name
 */
export function liftComponents(schema: TSchema, components: Map<string, SchemaJson>): SchemaJson {
  const plain: unknown = JSON.parse(JSON.stringify(schema));
  const lifted = lift(plain, components);
  if (isObject(lifted)) return lifted;
  throw new Error('a schema is an object');
}

function lift(value: unknown, components: Map<string, SchemaJson>): unknown {
  if (Array.isArray(value)) return value.map((item) => lift(item, components));
  if (!isObject(value)) return value;
  const { $id: name, ...rest } = value;
  const written = Object.fromEntries(Object.entries(rest).map(([key, member]) => [key, lift(member, components)]));
  if (typeof name !== 'string') return name === undefined ? written : { ...written, $id: lift(name, components) };
  const known = components.get(name);
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(written)) {
    throw new Error(`two shapes have the name ${name}`);
  }
  components.set(name, written);
  return { $ref: `#/components/schemas/${name}` };
}

function isObject(value: unknown): value is SchemaJson {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
