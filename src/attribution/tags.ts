import { isUsableId } from '../core/ids.ts';
import { percentDecoded } from './baggage.ts';

export const MAX_TAGS = 32;
const MAX_NAME_LENGTH = 64;

/** What `x-metertap-tags` may hold; part of the refusal. */
export const TAGS_RULE =
  'must be a list such as "team=search,step=plan" of at most 32 tags: names of 1 to 64 printable characters, each once, ' +
  'values of up to 256, percent-encoded where they hold a comma or a percent sign';

/**
 * Reads `x-metertap-tags: a=b,c=d`, values percent-decoded. Null where any of it breaks `TAGS_RULE`. An empty header
 * is an empty list.
 */
export function parseTags(text: string): ReadonlyMap<string, string> | null {
  const tags = new Map<string, string>();
  for (const entry of text.split(',')) {
    if (entry.trim() === '') continue;
    const equals = entry.indexOf('=');
    const name = entry.slice(0, Math.max(0, equals)).trim();
    const value = percentDecoded(entry.slice(equals + 1).trim());
    if (value === null || !isUsableTag(name, value)) return null;
    if ((tags.get(name) ?? value) !== value) return null;
    tags.set(name, value);
  }
  return tags.size <= MAX_TAGS ? tags : null;
}

/** Reads `x-litellm-tags: a,b`: names without values, which become `true`. Unusable ones are left out. */
export function parseTagNames(text: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const entry of text.split(',')) {
    const name = entry.trim();
    if (isUsableTag(name, 'true')) tags.set(name, 'true');
  }
  return tags;
}

/** Tells whether a name and its value are within the bounds. A value may be empty. */
export function isUsableTag(name: string, value: string): boolean {
  return name.length <= MAX_NAME_LENGTH && isUsableId(name) && (value === '' || isUsableId(value));
}
