import type { TSchema } from 'typebox';
import type { FaultList } from './fault-list.ts';
import { nearestName } from './nearest-name.ts';
import { childSchema, holdsSecret, schemaNode } from './schema-node.ts';
import { pathText, type SettingPath } from './setting-path.ts';

export interface UnknownMember {
  readonly path: SettingPath;
  readonly value: unknown;
  /** The section in which it stands. */
  readonly parent: TSchema;
}

const SECRET_NAME = /key|token|secret|pass|cred|auth|url|dsn/i;
const SECRET_VALUE = /^sk-|^\S{24,}$/;

/**
 * Reports a setting that does not exist, with the name that was probably meant or the section where it belongs. Its value
 * is shown unless it may be a secret under a mistyped name.
 */
export function reportUnknownMember({ path, value, parent }: UnknownMember, faults: FaultList): void {
  const name = String(path.at(-1));
  const node = schemaNode(parent);
  const names = node.kind === 'section' ? Object.keys(node.members) : [];
  const meant = nearestName(name, names);
  const belongs = placeOf(name, parent, []);
  const message = path.length === 1 ? 'is not a setting' : `is not a setting of ${pathText(path.slice(0, -1))}`;
  const schema = mayBeSecret({ name, value, meant: meant === null ? null : childSchema(parent, meant) }) ? null : {};
  faults.add({ path, schema, value, message, hint: hintFor({ meant, belongs, names }) });
}

function hintFor(found: { meant: string | null; belongs: string | null; names: readonly string[] }): string {
  if (found.belongs !== null) return `did you mean ${found.belongs}?`;
  return found.meant === null ? `known here: ${found.names.join(', ')}` : `did you mean ${found.meant}?`;
}

/** Finds a setting of this very name in the sections below `schema`: `port` at the top belongs to `listen.port`. */
function placeOf(name: string, schema: TSchema, path: SettingPath): string | null {
  const node = schemaNode(schema);
  if (node.kind !== 'section') return null;
  if (Object.hasOwn(node.members, name)) return pathText([...path, name]);
  for (const [member, below] of Object.entries(node.members)) {
    const found = placeOf(name, below, [...path, member]);
    if (found !== null) return found;
  }
  return null;
}

function mayBeSecret({ name, value, meant }: { name: string; value: unknown; meant: TSchema | null }): boolean {
  if (typeof value === 'string' && SECRET_VALUE.test(value)) return true;
  return meant === null ? SECRET_NAME.test(name) : holdsSecret(meant);
}
