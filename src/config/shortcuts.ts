import { type ExpansionSources, withoutLineEnd } from './expansion.ts';
import type { FaultList } from './fault-list.ts';
import { reasonOf } from './read-failure.ts';
import type { SettingPath } from './setting-path.ts';

/** An environment variable that sets one field, whatever the file says (contract.md, "Configuration"). */
export interface Shortcut {
  readonly name: string;
  readonly path: SettingPath;
  /** Secrets may also come from a file, named by the variable `<name>_FILE`. */
  readonly secret: boolean;
  /** A variable that is taken where neither the shortcut nor the file gives a value. */
  readonly fallback?: string;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { name: 'METERTAP_HOST', path: ['listen', 'host'], secret: false },
  { name: 'METERTAP_PORT', path: ['listen', 'port'], secret: false },
  { name: 'METERTAP_UPSTREAM_URL', path: ['upstreams', 0, 'base_url'], secret: false },
  { name: 'METERTAP_UPSTREAM_KEY', path: ['upstreams', 0, 'api_key'], secret: true, fallback: 'OPENAI_API_KEY' },
  { name: 'METERTAP_UPSTREAM_ADMIN_KEY', path: ['upstreams', 0, 'admin_api_key'], secret: true },
  { name: 'METERTAP_DATA_DIR', path: ['data_dir'], secret: false },
  { name: 'METERTAP_ADMIN_KEY', path: ['admin_key'], secret: true },
  { name: 'METERTAP_DATABASE_URL', path: ['database_url'], secret: true },
  { name: 'METERTAP_REDIS_URL', path: ['redis_url'], secret: true },
  { name: 'METERTAP_LOG_LEVEL', path: ['log', 'level'], secret: false },
];

/** A value that the environment gives for a field. */
export interface ShortcutValue {
  readonly path: SettingPath;
  /** The variable that gave it. */
  readonly name: string;
  readonly text: string;
  /** Whether it stands back behind what the file says. */
  readonly isFallback: boolean;
}

/** Reads all shortcuts that are set. A variable that is set but empty counts as not set, as containers pass them. */
export function readShortcuts(sources: ExpansionSources, faults: FaultList): readonly ShortcutValue[] {
  return SHORTCUTS.flatMap((shortcut) => readShortcut(shortcut, sources, faults) ?? []);
}

function readShortcut(shortcut: Shortcut, sources: ExpansionSources, faults: FaultList): ShortcutValue | null {
  const { name, path } = shortcut;
  const direct = setValue(sources.env, name);
  const fileName = `${name}_FILE`;
  const file = shortcut.secret ? setValue(sources.env, fileName) : null;
  if (direct !== null && file !== null) {
    reportAt(faults, { name, message: `is set, and so is ${fileName}`, hint: 'unset one of the two' });
    return null;
  }
  if (direct !== null) return { path, name, text: direct, isFallback: false };
  if (file !== null) return readFromFile({ path, name: fileName, file }, sources, faults);
  const fallback = shortcut.fallback === undefined ? null : setValue(sources.env, shortcut.fallback);
  return fallback === null ? null : { path, name: shortcut.fallback ?? name, text: fallback, isFallback: true };
}

function readFromFile(
  { path, name, file }: { path: SettingPath; name: string; file: string },
  { readFile }: ExpansionSources,
  faults: FaultList,
): ShortcutValue | null {
  try {
    return { path, name, text: withoutLineEnd(readFile(file)), isFallback: false };
  } catch (error) {
    // Only what looks like a path is repeated: the secret itself may have been put here by mistake.
    const message = `names ${file.includes('/') ? `the file ${file}` : 'a file'}: ${reasonOf(error)}`;
    reportAt(faults, { name, message, hint: 'make it readable, or correct its path' });
    return null;
  }
}

function setValue(env: ExpansionSources['env'], name: string): string | null {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  return value === undefined || value === '' ? null : value;
}

function reportAt(faults: FaultList, fault: { name: string; message: string; hint: string }): void {
  faults.addElsewhere({ path: fault.name, line: null, value: null, message: fault.message, hint: fault.hint });
}
