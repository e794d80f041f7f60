import Type, { type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { FaultList } from './fault-list.ts';
import { hintFor } from './hint.ts';
import { isMapping, type Mapping } from './mapping.ts';
import { annotation, childSchema, schemaNode, textAnnotation } from './schema-node.ts';
import { pathText, type SettingPath, valueAt } from './setting-path.ts';
import { reportUnknownMember } from './unknown-member.ts';

/** A value and the schema that it should meet. */
export interface CheckedPlace {
  readonly schema: TSchema;
  readonly path: SettingPath;
  readonly value: unknown;
}

/**
 * Finds every fault of a tree whose defaults are filled in.
 *
 * It walks the schema itself and lets TypeBox judge only the leaves: TypeBox stops at eight errors unless a setting of
 * the whole process is changed, and knows neither near names nor which values may be shown.
 */
export function checkTree(place: CheckedPlace, faults: FaultList): void {
  if (faults.has(place.path)) return;
  if (!isRightKind(place)) {
    const { schema, path, value } = place;
    const message = `must be ${textAnnotation(schema, 'expects')}`;
    faults.add({ schema, path, value, message, hint: hintFor(schema, value) });
    return;
  }
  const faultsBefore = faults.count;
  if (Array.isArray(place.value)) checkList(place, place.value, faults);
  else if (isMapping(place.value)) checkMembers(place, place.value, faults);
  if (faults.count === faultsBefore) checkRefinements(place, faults);
}

/** Whether the value is a list or mapping where one is wanted; of a leaf, whether it is right altogether. */
function isRightKind({ schema, value }: CheckedPlace): boolean {
  const { kind } = schemaNode(schema);
  if (kind === 'leaf') return Value.Check(schema, value);
  return kind === 'list' ? Array.isArray(value) : isMapping(value);
}

function checkMembers(place: CheckedPlace, value: Mapping, faults: FaultList): void {
  for (const name of Object.keys(value)) {
    const schema = childSchema(place.schema, name);
    const path = [...place.path, name];
    if (schema === null) reportUnknownMember({ path, value: value[name], parent: place.schema }, faults);
    else if (isAllowedName(place.schema, name, path, faults)) checkTree({ schema, path, value: value[name] }, faults);
  }
  const node = schemaNode(place.schema);
  if (node.kind === 'section') reportMissing(place, node.members, faults);
}

function reportMissing(place: CheckedPlace, members: Readonly<Record<string, TSchema>>, faults: FaultList): void {
  for (const [name, schema] of Object.entries(members)) {
    if (Type.IsOptional(schema) || valueAt(place.value, [name]) !== undefined) continue;
    const hint = textAnnotation(schema, 'hint') || `add ${name}: ${textAnnotation(schema, 'expects')}`;
    faults.add({ schema, path: [...place.path, name], value: undefined, message: 'is missing', hint });
  }
}

function isAllowedName(schema: TSchema, name: string, path: SettingPath, faults: FaultList): boolean {
  const names = annotation(schema, 'memberNames');
  if (!isMapping(names) || typeof names['pattern'] !== 'string') return true;
  if (new RegExp(names['pattern'], 'u').test(name)) return true;
  faults.add({
    schema: null,
    path,
    value: undefined,
    message: `must have ${names['expects']}`,
    hint: 'rename or remove it',
  });
  return false;
}

function checkList(place: CheckedPlace, value: readonly unknown[], faults: FaultList): void {
  value.forEach((item, index) => {
    const schema = childSchema(place.schema, index);
    if (schema !== null) checkTree({ schema, path: [...place.path, index], value: item }, faults);
  });
  const unique = annotation(place.schema, 'uniqueBy');
  for (const member of Array.isArray(unique) ? unique : []) {
    if (typeof member === 'string') reportDuplicates(place, { value, member }, faults);
  }
  const together = annotation(place.schema, 'uniqueTogether');
  if (Array.isArray(together)) reportOverlaps(place, { value, members: together.map(String) }, faults);
}

/** Entries that are for the same thing, of which the later ones could never hold. */
function reportOverlaps(
  { schema, path }: CheckedPlace,
  { value, members }: { value: readonly unknown[]; members: readonly string[] },
  faults: FaultList,
): void {
  const first = new Map<string, number>();
  value.forEach((item, index) => {
    const key = JSON.stringify(members.map((member) => valueAt(item, [member]) ?? null));
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, index);
      return;
    }
    faults.add({
      schema: childSchema(schema, index),
      path: [...path, index],
      value: undefined,
      message: `has the same ${members.join(', ')} as ${pathText([...path, earlier])}, so that only one of them could hold`,
      hint: `remove one of the two, or give it another ${members.at(-1)}`,
    });
  });
}

function reportDuplicates(
  place: CheckedPlace,
  { value, member }: { value: readonly unknown[]; member: string },
  faults: FaultList,
): void {
  const firstPaths = new Map<unknown, SettingPath>();
  value.forEach((item, index) => {
    const path = [...place.path, index, member];
    const current = valueAt(item, [member]);
    if (typeof current !== 'string' || faults.has(path)) return;
    const first = firstPaths.get(current);
    if (first === undefined) firstPaths.set(current, path);
    else {
      const itemSchema = childSchema(place.schema, index);
      const schema = itemSchema === null ? null : childSchema(itemSchema, member);
      const hint = `each entry of ${pathText(place.path)} needs its own ${member}`;
      faults.add({ schema, path, value: current, message: `is the same as ${pathText(first)}`, hint });
    }
  });
}

/** The rules about a section or list as a whole; looked at only where its parts are right. */
function checkRefinements({ schema, path, value }: CheckedPlace, faults: FaultList): void {
  if (!Type.IsRefine(schema)) return;
  for (const refinement of schema['~refine']) {
    if (refinement.check(value)) continue;
    const message = refinement.error(value) || `must be ${textAnnotation(schema, 'expects')}`;
    faults.add({ schema, path, value, message, hint: hintFor(schema, value) });
  }
}
