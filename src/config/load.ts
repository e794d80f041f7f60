import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { checkTree } from './check-tree.ts';
import { ConfigError } from './config-error.ts';
import { EMPTY_DOCUMENT, readDocument } from './document.ts';
import { expandTree } from './expand-tree.ts';
import type { ExpansionSources } from './expansion.ts';
import { FaultList } from './fault-list.ts';
import { isMapping } from './mapping.ts';
import { readAs } from './read-as.ts';
import { CONFIG_SCHEMA, type Config } from './schema.ts';
import { childSchema } from './schema-node.ts';
import { pathText, putAt, type SettingPath, valueAt } from './setting-path.ts';
import { readShortcuts, type ShortcutValue } from './shortcuts.ts';

export interface ConfigSources extends ExpansionSources {
  /** The file to read; null for defaults and environment only. */
  readonly path: string | null;
}

const DEFAULT_PATH = 'config/metertap.yaml';

/** Finds the file to read: `--config`, else `METERTAP_CONFIG`, else `config/metertap.yaml` where it exists, else none. */
export function findConfigPath(args: {
  readonly flag: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exists: (path: string) => boolean;
}): string | null {
  if (args.flag !== null) return args.flag;
  const named = args.env['METERTAP_CONFIG'];
  if (named !== undefined && named !== '') return named;
  return args.exists(DEFAULT_PATH) ? DEFAULT_PATH : null;
}

/**
 * Reads the configuration: the file, its expansions, the defaults, then the environment shortcuts on top. The result is
 * frozen all the way down.
 *
 * @throws ConfigError with all faults at once (contract.md, "Configuration")
 */
export function loadConfig(sources: ConfigSources): Config {
  const document = sources.path === null ? EMPTY_DOCUMENT : readDocument(sources.path, sources.readFile);
  const faults = new FaultList(document.lineOf);
  for (const fault of document.faults) faults.addElsewhere(fault);
  const shortcuts = readShortcuts(sources, faults);
  const overridden = new Set(shortcuts.filter((value) => !value.isFallback).map((value) => pathText(value.path)));

  const root = { schema: CONFIG_SCHEMA, path: [] };
  const tree = Value.Default(CONFIG_SCHEMA, expandTree(document.tree, root, { sources, faults, overridden }));
  fillAuthMode(tree);
  for (const shortcut of shortcuts) applyShortcut(tree, shortcut, faults);
  checkTree({ ...root, value: tree }, faults);

  if (!isChecked(tree, faults)) throw new ConfigError(sources.path, faults.inOrder());
  return freeze(finished(tree));
}

/** The one default that depends on another setting. */
function fillAuthMode(tree: unknown): void {
  if (valueAt(tree, ['auth', 'mode']) !== undefined) return;
  const keys = valueAt(tree, ['keys']);
  putAt(tree, ['auth', 'mode'], Array.isArray(keys) && keys.length > 0 ? 'keys' : 'passthrough');
}

function applyShortcut(tree: unknown, { path, name, text, isFallback }: ShortcutValue, faults: FaultList): void {
  if (isFallback && valueAt(tree, path) !== undefined) return;
  const schema = schemaAt(path);
  if (schema === null) throw new Error(`the shortcut ${name} names no setting`);
  const value = readAs(schema, text);
  faults.noteOrigin(path, name);
  // Where the file is too wrong to take the value, the value is still judged, so that its faults are listed now.
  if (!putAt(tree, path, value)) checkTree({ schema, path, value }, faults);
}

function schemaAt(path: SettingPath): TSchema | null {
  let schema: TSchema | null = CONFIG_SCHEMA;
  for (const step of path) schema = schema === null ? null : childSchema(schema, step);
  return schema;
}

/**
 * `checkTree` has judged every value; to let TypeBox judge them all once more would take seconds where there are very many
 * keys. The tests hold the two together.
 */
function isChecked(_tree: unknown, faults: FaultList): _tree is Static<typeof CONFIG_SCHEMA> {
  return faults.count === 0;
}

/** The checked tree as a configuration, its URLs in the form in which paths are appended. */
function finished(tree: Static<typeof CONFIG_SCHEMA>): Config {
  const upstreams = tree.upstreams.map((upstream) => ({
    ...upstream,
    base_url: upstream.base_url.replace(/\/+$/, ''),
  }));
  return { ...tree, upstreams };
}

function freeze<T>(value: T): T {
  if (Array.isArray(value)) value.forEach(freeze);
  else if (isMapping(value)) Object.values(value).forEach(freeze);
  return Object.freeze(value);
}
