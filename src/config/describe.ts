import Type, { type TSchema } from 'typebox';
import { stringify } from 'yaml';
import { redact } from './redact.ts';
import { CONFIG_SCHEMA, type Config } from './schema.ts';
import { annotation, schemaNode, textAnnotation } from './schema-node.ts';

/** One field as docs/configuration.md lists it. */
export interface ConfigField {
  /** `upstreams[].base_url`; `prices[].service_tiers.*.multiplier` in a map; fields of a shared part: `limit rule.per`. */
  readonly path: string;
  readonly type: string;
  /** As it is written in YAML, in back quotes; "required" or "none" where there is none. */
  readonly defaultText: string;
  readonly description: string;
}

/** Gives the configuration as plain values in which secrets read `[redacted]`. */
export function redactedConfig(config: Config): unknown {
  return redact(CONFIG_SCHEMA, config);
}

/** The same as YAML. */
export function redactedYaml(config: Config): string {
  return stringify(redactedConfig(config), { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** Lists every field of the configuration in the order of the schema. */
export function listFields(): readonly ConfigField[] {
  const shared = new Map<string, TSchema>();
  const fields = fieldsBelow(CONFIG_SCHEMA, '', shared);
  return [...fields, ...[...shared].flatMap(([name, schema]) => memberFields(schema, `${name}.`, shared))];
}

/** Lists the fields that a reload cannot change, as paths of names. */
export function pathsNeedingRestart(
  schema: TSchema = CONFIG_SCHEMA,
  path: readonly string[] = [],
): readonly string[][] {
  if (annotation(schema, 'needsRestart') === true) return [[...path]];
  const node = schemaNode(schema);
  if (node.kind !== 'section') return [];
  return Object.entries(node.members).flatMap(([name, member]) => pathsNeedingRestart(member, [...path, name]));
}

type SharedParts = Map<string, TSchema>;

function memberFields(schema: TSchema, prefix: string, shared: SharedParts): readonly ConfigField[] {
  const node = schemaNode(schema);
  if (node.kind !== 'section') return [];
  return Object.entries(node.members).flatMap(([name, member]) => [
    ...(schemaNode(member).kind === 'section' ? [] : [describeField(member, prefix + name)]),
    ...fieldsBelow(member, prefix + name, shared),
  ]);
}

function fieldsBelow(schema: TSchema, path: string, shared: SharedParts): readonly ConfigField[] {
  const node = schemaNode(schema);
  if (node.kind === 'section') return memberFields(schema, path === '' ? '' : `${path}.`, shared);
  if (node.kind === 'map') return fieldsBelow(node.values, `${path}.*`, shared);
  if (node.kind === 'leaf') return [];
  const sharedName = annotation(node.items, 'sharedName');
  if (typeof sharedName !== 'string') return fieldsBelow(node.items, `${path}[]`, shared);
  shared.set(sharedName, node.items);
  return [];
}

function describeField(schema: TSchema, path: string): ConfigField {
  const notes = [
    textAnnotation(schema, 'description'),
    annotation(schema, 'secret') === 'whole' ? 'Secret.' : '',
    annotation(schema, 'needsRestart') === true ? 'Needs a restart.' : '',
  ];
  return {
    path,
    type: textAnnotation(schema, 'expects').replace(/^an? /, ''),
    defaultText: defaultText(schema),
    description: notes.filter((note) => note !== '').join(' '),
  };
}

function defaultText(schema: TSchema): string {
  const worked = textAnnotation(schema, 'defaultText');
  if (worked !== '') return worked;
  const preset = annotation(schema, 'default');
  if (preset !== undefined) return `\`${typeof preset === 'string' ? preset : JSON.stringify(preset)}\``;
  return Type.IsOptional(schema) ? 'none' : 'required';
}
