import Type, { type TSchema } from 'typebox';
import { isMapping } from './mapping.ts';

/** A container or leaf of the schema, told apart by what stands below it. */
export type SchemaNode =
  | { readonly kind: 'section'; readonly members: Readonly<Record<string, TSchema>> }
  | { readonly kind: 'list'; readonly items: TSchema }
  | { readonly kind: 'map'; readonly values: TSchema }
  | { readonly kind: 'leaf' };

/** Says what stands below a schema. */
export function schemaNode(schema: TSchema): SchemaNode {
  if (Type.IsRecord(schema)) return { kind: 'map', values: Type.RecordValue(schema) };
  if (Type.IsObject(schema)) return { kind: 'section', members: schema.properties };
  if (Type.IsArray(schema)) return { kind: 'list', items: schema.items };
  return { kind: 'leaf' };
}

/** The schema of the member or entry `step`; null where the schema knows none. */
export function childSchema(schema: TSchema, step: string | number): TSchema | null {
  const node = schemaNode(schema);
  if (node.kind === 'list') return typeof step === 'number' ? node.items : null;
  if (node.kind === 'map') return node.values;
  if (node.kind === 'leaf' || !Object.hasOwn(node.members, step)) return null;
  return node.members[step] ?? null;
}

/** What schema-parts.ts attaches to a schema, undefined where it does not. */
export function annotation(schema: TSchema, name: string): unknown {
  return isMapping(schema) ? schema[name] : undefined;
}

/** The same for texts; an empty one where there is none. */
export function textAnnotation(schema: TSchema, name: 'description' | 'expects' | 'hint' | 'defaultText'): string {
  const value = annotation(schema, name);
  return typeof value === 'string' ? value : '';
}

/** The JSON Schema types that a value may have: `['integer', 'null']`. */
export function schemaTypes(schema: TSchema): readonly unknown[] {
  const type = annotation(schema, 'type');
  return Array.isArray(type) ? type : [type];
}

/** Tells whether the values of `schema`, or anything below it, must not be shown. */
export function holdsSecret(schema: TSchema): boolean {
  if (annotation(schema, 'secret') !== undefined) return true;
  const node = schemaNode(schema);
  if (node.kind === 'section') return Object.values(node.members).some(holdsSecret);
  if (node.kind === 'list') return holdsSecret(node.items);
  return node.kind === 'map' && holdsSecret(node.values);
}
