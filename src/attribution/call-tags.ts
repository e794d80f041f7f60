import type { IncomingHttpHeaders } from 'node:http';
import { invalidAttribution } from './carrier-values.ts';
import { decodeHeader, headerText } from './header-text.ts';
import { isUsableTag, MAX_TAGS, parseTagNames, parseTags, TAGS_RULE } from './tags.ts';

const OWN_TAGS = 'x-metertap-tags';
const TAG_NAMES_HEADER = 'x-litellm-tags';
const TAG_HEADER_PREFIX = 'helicone-property-';
const NO_TAGS: ReadonlyMap<string, string> = new Map();

/**
 * Gives the tags of all carriers. Where two name the same tag, ours wins; beyond the bound the later ones are left out.
 *
 * @throws MetertapError `invalid_attribution` for a bad `x-metertap-tags`
 */
export function tagsOf(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const own = ownTags(headers);
  const names = headerText(headers, TAG_NAMES_HEADER);
  const others = headerTags(headers);
  if (own.size === 0 && names === null && others.size === 0) return {};
  const tags = new Map(own);
  if (names !== null) addTags(tags, parseTagNames(names));
  addTags(tags, others);
  return Object.fromEntries(tags); // defines own members, also one called `__proto__`
}

/**
 * Gives the tags of `x-metertap-tags` alone.
 *
 * @throws MetertapError `invalid_attribution`
 */
export function ownTags(headers: IncomingHttpHeaders): ReadonlyMap<string, string> {
  const raw = headers[OWN_TAGS];
  if (raw === undefined) return NO_TAGS;
  const text = decodeHeader(raw);
  const tags = text === null ? null : parseTags(text);
  if (tags === null) throw invalidAttribution(OWN_TAGS, `The header ${OWN_TAGS} ${TAGS_RULE}.`);
  return tags;
}

/** `helicone-property-<name>: value` (wire.md 4.5); names arrive in lower case. */
function headerTags(headers: IncomingHttpHeaders): ReadonlyMap<string, string> {
  let tags: Map<string, string> | null = null;
  for (const name in headers) {
    if (!name.startsWith(TAG_HEADER_PREFIX)) continue;
    const tag = name.slice(TAG_HEADER_PREFIX.length);
    const value = headerText(headers, name);
    if (value !== null && isUsableTag(tag, value)) {
      tags ??= new Map();
      tags.set(tag, value);
    }
  }
  return tags ?? NO_TAGS;
}

function addTags(tags: Map<string, string>, more: ReadonlyMap<string, string>): void {
  for (const [name, value] of more) {
    if (tags.size >= MAX_TAGS) return;
    if (!tags.has(name)) tags.set(name, value);
  }
}
