import type { IncomingHttpHeaders } from 'node:http';
import { invalidAttribution } from './carrier-values.ts';
import { decodeHeader, headerText } from './header-text.ts';
import { isUsableTag, MAX_TAGS, parseTagNames, parseTags, TAGS_RULE } from './tags.ts';

const OWN_TAGS = 'x-metertap-tags';
const TAG_NAMES_HEADER = 'x-litellm-tags';
const TAG_HEADER_PREFIX = 'helicone-property-';

/**
 * Gives the tags of all carriers. Where two name the same tag, ours wins; beyond the bound the later ones are left out.
 *
 * @throws MetertapError `invalid_attribution` for a bad `x-metertap-tags`
 */
export function tagsOf(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const tags = new Map(ownTags(headers));
  const names = headerText(headers, TAG_NAMES_HEADER);
  if (names !== null) addTags(tags, parseTagNames(names));
  addTags(tags, headerTags(headers));
  return Object.fromEntries(tags); // defines own members, also one called `__proto__`
}

/**
 * Gives the tags of `x-metertap-tags` alone.
 *
 * @throws MetertapError `invalid_attribution`
 */
export function ownTags(headers: IncomingHttpHeaders): ReadonlyMap<string, string> {
  const raw = headers[OWN_TAGS];
  if (raw === undefined) return new Map();
  const text = decodeHeader(raw);
  const tags = text === null ? null : parseTags(text);
  if (tags === null) throw invalidAttribution(OWN_TAGS, `The header ${OWN_TAGS} ${TAGS_RULE}.`);
  return tags;
}

/** `helicone-property-<name>: value` (wire.md 4.5); names arrive in lower case. */
function headerTags(headers: IncomingHttpHeaders): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const name in headers) {
    if (!name.startsWith(TAG_HEADER_PREFIX)) continue;
    const tag = name.slice(TAG_HEADER_PREFIX.length);
    const value = headerText(headers, name);
    if (value !== null && isUsableTag(tag, value)) tags.set(tag, value);
  }
  return tags;
}

function addTags(tags: Map<string, string>, more: ReadonlyMap<string, string>): void {
  for (const [name, value] of more) {
    if (tags.size >= MAX_TAGS) return;
    if (!tags.has(name)) tags.set(name, value);
  }
}
