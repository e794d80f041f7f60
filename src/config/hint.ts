import type { TSchema } from 'typebox';
import { isMapping } from './mapping.ts';
import { nearestName } from './nearest-name.ts';
import { readAs } from './read-as.ts';
import { annotation, schemaNode, schemaTypes, textAnnotation } from './schema-node.ts';

const YES_AND_NO: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['on', true],
  ['no', false],
  ['off', false],
]);

/** Says what to do about a value that `schema` does not allow. Never repeats the value: it may be a secret. */
export function hintFor(schema: TSchema, value: unknown): string {
  return (
    wrongKindHint(schema, value) ??
    wrongTypeHint(schema, value) ??
    nearChoiceHint(schema, value) ??
    (textAnnotation(schema, 'hint') || leaveOutHint(schema))
  );
}

function wrongKindHint(schema: TSchema, value: unknown): string | null {
  const node = schemaNode(schema);
  if (node.kind === 'list')
    return Array.isArray(value) ? null : 'write each entry in a line of its own, after a hyphen';
  if (node.kind === 'leaf' || isMapping(value)) return null;
  if (node.kind === 'map') return 'write it as names and values: { name: value }';
  return `write it as names and values; known here: ${Object.keys(node.members).join(', ')}`;
}

function wrongTypeHint(schema: TSchema, value: unknown): string | null {
  const wanted = schemaTypes(schema);
  if (value === null) return 'give a value, or leave the line out';
  if (typeof value !== 'string') {
    const isScalar = typeof value === 'number' || typeof value === 'boolean';
    return isScalar && wanted.includes('string') && !textAnnotation(schema, 'hint') ? 'write it in quotes' : null;
  }
  if (value.startsWith('tcp://')) {
    return 'Kubernetes sets this variable for a service of the same name: set enableServiceLinks: false in the pod';
  }
  if (readAs(schema, value) !== value) return 'write it without quotes';
  const word = wanted.includes('boolean') ? YES_AND_NO.get(value.toLowerCase()) : undefined;
  return word === undefined ? null : `write ${word}`;
}

function nearChoiceHint(schema: TSchema, value: unknown): string | null {
  const choices = annotation(schema, 'enum');
  if (!Array.isArray(choices) || typeof value !== 'string') return null;
  const names = choices.filter((name: unknown) => typeof name === 'string');
  const nearest = nearestName(value, names);
  return nearest === null ? null : `did you mean ${nearest}?`;
}

function leaveOutHint(schema: TSchema): string {
  const preset = annotation(schema, 'default');
  if (preset === undefined) return 'see docs/configuration.md';
  return `correct it, or leave it out for the default${typeof preset === 'object' ? '' : `, ${JSON.stringify(preset)}`}`;
}
