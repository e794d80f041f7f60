import { arrayOrEmpty, isJsonObject, type JsonObject, objectOrEmpty } from './json-value.ts';

const DEEPEST = 12;

/**
 * Makes the plainest value that a JSON schema allows: constants and the first of an enum as they are, strings `"sim"`,
 * numbers 1, booleans true, arrays of one item, objects of their required properties.
 *
 * @param schema any JSON value; what is no schema gives `"sim"`
 */
export function sampleOf(schema: unknown): unknown {
  return sample(schema, objectOrEmpty(schema), 0);
}

function sample(schema: unknown, root: JsonObject, depth: number): unknown {
  if (!isJsonObject(schema) || depth > DEEPEST) return 'sim';
  if ('const' in schema) return schema['const'];
  const choices = arrayOrEmpty(schema['enum']);
  if (choices.length > 0) return choices[0];
  if (typeof schema['$ref'] === 'string') return sample(resolve(schema['$ref'], root), root, depth + 1);
  const alternative = [schema['anyOf'], schema['oneOf'], schema['allOf']].flatMap(arrayOrEmpty).find(isNotNullSchema);
  if (alternative !== undefined) return sample(alternative, root, depth + 1);

  switch (typeOf(schema)) {
    case 'object':
      return sampleObject(schema, root, depth);
    case 'array':
      return arrayOfOne(schema, root, depth);
    case 'number':
    case 'integer':
      return Math.max(1, typeof schema['minimum'] === 'number' ? schema['minimum'] : 1);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return 'sim'.padEnd(typeof schema['minLength'] === 'number' ? Math.min(schema['minLength'], 1_000) : 0, 'x');
  }
}

function typeOf(schema: JsonObject): unknown {
  const type = schema['type'];
  if (Array.isArray(type)) return type.find((name) => name !== 'null');
  if (type === undefined && isJsonObject(schema['properties'])) return 'object';
  return type;
}

function isNotNullSchema(schema: unknown): boolean {
  return isJsonObject(schema) && schema['type'] !== 'null';
}

function sampleObject(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  const properties = objectOrEmpty(schema['properties']);
  const names = arrayOrEmpty(schema['required']).filter((name) => typeof name === 'string');
  return Object.fromEntries(names.map((name) => [name, sample(properties[name], root, depth + 1)]));
}

function arrayOfOne(schema: JsonObject, root: JsonObject, depth: number): unknown[] {
  return [sample(schema['items'], root, depth + 1)];
}

/** Follows a reference within the schema, `#/$defs/Name`. */
function resolve(reference: string, root: JsonObject): unknown {
  let found: unknown = root;
  for (const part of reference.split('/').slice(1)) found = objectOrEmpty(found)[part];
  return found;
}
