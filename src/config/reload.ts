import { isDeepStrictEqual } from 'node:util';
import { pathsNeedingRestart } from './describe.ts';
import type { Config } from './schema.ts';
import { pathText, valueAt } from './setting-path.ts';

/** Names the settings that differ between two configurations and that a reload cannot change: `listen.port`. */
export function changesNeedingRestart(before: Config, after: Config): string[] {
  return pathsNeedingRestart()
    .filter((path) => !isDeepStrictEqual(valueAt(before, path), valueAt(after, path)))
    .map(pathText);
}

/** What a reload has changed, by names alone. */
export interface Reload {
  /** Sections of the file: `upstreams`. */
  readonly changed: readonly string[];
  /** Settings whose change takes effect when the process starts again. */
  readonly at_next_start: readonly string[];
}

/** Names what differs between two configurations, and nothing of what is in it. */
export function reloadOf(before: Config, after: Config): Reload {
  return { changed: changedSections(before, after), at_next_start: changesNeedingRestart(before, after) };
}

function changedSections(before: Config, after: Config): string[] {
  const values = new Map(Object.entries(before));
  const names = new Set([...values.keys(), ...Object.keys(after)]);
  const next = new Map(Object.entries(after));
  return [...names].filter((name) => !isDeepStrictEqual(values.get(name), next.get(name))).sort();
}
