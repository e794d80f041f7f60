import { isMapping } from './mapping.ts';

/** The way to a setting: member names and list indices, from the root. */
export type SettingPath = readonly (string | number)[];

const PLAIN_NAME = /^[A-Za-z0-9_-]+$/;

/** Writes a path as people do: `upstreams[0].base_url`; names with other characters are quoted: `labels["a b"]`. */
export function pathText(path: SettingPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (PLAIN_NAME.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** Gives what stands at `path`, undefined where there is nothing. Looks at own members only. */
export function valueAt(tree: unknown, path: SettingPath): unknown {
  let value = tree;
  for (const step of path) {
    if (typeof step === 'number') value = Array.isArray(value) ? value[step] : undefined;
    else value = isMapping(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** Puts `value` at `path` of a tree whose containers are there already. Gives false where they are not. */
export function putAt(tree: unknown, path: SettingPath, value: unknown): boolean {
  const last = path.at(-1);
  const parent = valueAt(tree, path.slice(0, -1));
  if (typeof last !== 'string' || !isMapping(parent)) return false;
  parent[last] = value;
  return true;
}
