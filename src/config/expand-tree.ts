import type { TSchema } from 'typebox';
import { type ExpansionSources, expand } from './expansion.ts';
import type { FaultList } from './fault-list.ts';
import { isMapping } from './mapping.ts';
import { readAs } from './read-as.ts';
import { childSchema, schemaNode } from './schema-node.ts';
import { pathText, type SettingPath } from './setting-path.ts';

export interface TreeContext {
  readonly sources: ExpansionSources;
  readonly faults: FaultList;
  /** Paths that the environment sets anyway: what the file says there is not looked at. */
  readonly overridden: ReadonlySet<string>;
}

interface Place {
  readonly schema: TSchema;
  readonly path: SettingPath;
}

/**
 * Gives a copy of `value` with the expansions in its strings replaced, as far down as `schema` goes. A section or list
 * without content (`keys:` with every entry commented out) counts as not written.
 */
export function expandTree(value: unknown, place: Place, context: TreeContext): unknown {
  if (typeof value === 'string') return expandText(value, place, context);
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => expandChild(item, { ...place, step: index }, context));
  }
  if (!isMapping(value)) return value;
  const members = Object.entries(value)
    .filter(([name, member]) => isWritten(member, place, name) && !isOverridden(place, name, context))
    .map(([name, member]) => [name, expandChild(member, { ...place, step: name }, context)]);
  return Object.fromEntries(members);
}

function expandChild(value: unknown, place: Place & { step: string | number }, context: TreeContext): unknown {
  const schema = childSchema(place.schema, place.step);
  return schema === null ? value : expandTree(value, { schema, path: [...place.path, place.step] }, context);
}

function isWritten(member: unknown, place: Place, name: string): boolean {
  const schema = childSchema(place.schema, name);
  return member !== null || schema === null || schemaNode(schema).kind === 'leaf';
}

function isOverridden(place: Place, name: string, context: TreeContext): boolean {
  // Asked of every member of every key: the text of a path is made only where it may be one of them.
  for (const text of context.overridden) {
    if (text.endsWith(name) && text === pathText([...place.path, name])) return true;
  }
  return false;
}

function expandText(text: string, { schema, path }: Place, { sources, faults }: TreeContext): unknown {
  const expansion = expand(text, sources);
  if (expansion.kind === 'plain') return text;
  faults.noteWritten(path, text);
  if (expansion.kind === 'expanded') return readAs(schema, expansion.text);
  faults.add({ path, schema, value: text, message: expansion.message, hint: expansion.hint });
  return text;
}
