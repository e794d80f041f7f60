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
