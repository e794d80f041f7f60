import { DEFAULT_SCOPES, SCOPES, type Scope } from '../attribution/permissions.ts';
import { isUsableId } from '../core/ids.ts';
import type { KeySettings, LimitRuleData } from '../ledger/access-book.ts';
import { readMoment } from '../reporting/moment.ts';
import { endpointPattern } from './admit-caller.ts';
import { invalidMember, type Members, membersOf, readLabels, readName, readWord } from './management-members.ts';
import type { AccessRooms } from './management-rooms.ts';

const MAX_PATTERNS = 200;
const MAX_RULES = 32;
/** Ids stand in the text of keys, between underscores. */
const KEY_ID = /^[A-Za-z0-9-]{1,64}$/;
const TEAM_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const ENDPOINT = /^[\w~:@!$&'()*+,;=.{}/-]{1,256}$/;

/** The members of a body that set something of a key; also what `PATCH` may name. */
export const KEY_SETTINGS = [
  'name',
  'labels',
  'scopes',
  'models',
  'endpoints',
  'limits',
  'client_leaves',
  'usage_event',
  'unpriced_models',
  'requests_per_minute',
  'disabled',
  'expires_at',
] as const satisfies readonly (keyof KeySettings)[];

/** What a key is of which nothing is said. */
export const DEFAULT_KEY_SETTINGS: KeySettings = {
  name: null,
  labels: {},
  scopes: DEFAULT_SCOPES,
  models: null,
  endpoints: null,
  limits: [],
  client_leaves: null,
  usage_event: null,
  unpriced_models: null,
  requests_per_minute: null,
  disabled: false,
  expires_at: null,
};

/**
 * Reads the settings that a body names; null sets a member back to what it is when nothing is said of it.
 *
 * @throws MetertapError `invalid_parameter`, which names the member and says what it may be
 */
export function readKeySettings(members: Members, access: Pick<AccessRooms, 'limitRulesFault'>): Partial<KeySettings> {
  const given = (name: (typeof KEY_SETTINGS)[number]) => members.get(name);
  return {
    ...(members.has('name') ? { name: readName(given('name')) } : {}),
    ...(members.has('labels') ? { labels: readLabels(given('labels')) } : {}),
    ...(members.has('scopes') ? { scopes: readScopes(given('scopes')) } : {}),
    ...(members.has('models') ? { models: readPatterns('models', given('models'), isUsableId) } : {}),
    ...(members.has('endpoints') ? { endpoints: readEndpoints(given('endpoints')) } : {}),
    ...(members.has('limits') ? { limits: readRules(given('limits'), access) } : {}),
    ...(members.has('client_leaves')
      ? { client_leaves: readWord('client_leaves', given('client_leaves'), ['drain', 'abort']) }
      : {}),
    ...(members.has('usage_event')
      ? { usage_event: readWord('usage_event', given('usage_event'), ['hide', 'pass']) }
      : {}),
    ...(members.has('unpriced_models')
      ? { unpriced_models: readWord('unpriced_models', given('unpriced_models'), ['allow', 'refuse']) }
      : {}),
    ...(members.has('requests_per_minute') ? { requests_per_minute: readRate(given('requests_per_minute')) } : {}),
    ...(members.has('disabled') ? { disabled: readFlag('disabled', given('disabled')) } : {}),
    ...(members.has('expires_at') ? { expires_at: readExpiry(given('expires_at')) } : {}),
  };
}

/** The id of a key that is to be made. */
export function readKeyId(id: unknown): string {
  if (typeof id === 'string' && KEY_ID.test(id)) return id;
  throw invalidMember('id', 'id must be 1 to 64 letters, digits and dashes; leave it out to have one made.');
}

/** The id of a team that is to be made. */
export function readTeamId(name: string, id: unknown): string {
  if (typeof id === 'string' && TEAM_ID.test(id)) return id;
  throw invalidMember(
    name,
    `${name} must be 1 to 128 letters, digits, dots, underscores and dashes, and begin with a letter or digit.`,
  );
}

/** Limit rules, as the configuration's are; null is none. */
export function readRules(rules: unknown, access: Pick<AccessRooms, 'limitRulesFault'>): readonly LimitRuleData[] {
  if (rules === null) return [];
  const fault = access.limitRulesFault(rules);
  if (fault !== null) throw invalidMember('limits', fault);
  if (Array.isArray(rules) && rules.length <= MAX_RULES && rules.every(isRule)) return rules;
  throw invalidMember('limits', `limits must be a list of at most ${MAX_RULES} rules.`);
}

function isRule(rule: unknown): rule is LimitRuleData {
  const members = membersOf(rule);
  if (members === null) return false;
  return [...members.values()].every(
    (value) => Array.isArray(value) || ['string', 'number', 'boolean'].includes(typeof value),
  );
}

function readScopes(scopes: unknown): readonly Scope[] {
  if (scopes === null) return DEFAULT_SCOPES;
  const isKnown = (scope: unknown) => SCOPES.some((known) => known === scope);
  if (Array.isArray(scopes) && scopes.length > 0 && scopes.every(isKnown)) {
    return SCOPES.filter((scope) => scopes.includes(scope));
  }
  throw invalidMember('scopes', `scopes must be a list of at least one of ${SCOPES.join(', ')}.`);
}

function readPatterns(name: string, patterns: unknown, isRight: (text: string) => boolean): readonly string[] | null {
  if (patterns === null) return null;
  const isPattern = (pattern: unknown): pattern is string => typeof pattern === 'string' && isRight(pattern);
  if (Array.isArray(patterns) && patterns.length >= 1 && patterns.length <= MAX_PATTERNS && patterns.every(isPattern)) {
    return [...new Set(patterns)];
  }
  throw invalidMember(
    name,
    `${name} must be null, which allows all, or a list of 1 to ${MAX_PATTERNS} names, in which * stands for any text.`,
  );
}

function readEndpoints(endpoints: unknown): readonly string[] | null {
  const patterns = readPatterns('endpoints', endpoints, (text) => ENDPOINT.test(endpointPattern(text)));
  return patterns === null ? null : [...new Set(patterns.map(endpointPattern))];
}

function readRate(rate: unknown): number | null {
  if (rate === null) return null;
  if (typeof rate === 'number' && Number.isSafeInteger(rate) && rate >= 1) return rate;
  throw invalidMember('requests_per_minute', 'requests_per_minute must be null or a whole number from 1.');
}

function readFlag(name: string, flag: unknown): boolean {
  if (flag === null) return false;
  if (typeof flag === 'boolean') return flag;
  throw invalidMember(name, `${name} must be true or false.`);
}

function readExpiry(time: unknown): string | null {
  if (time === null) return null;
  const ms = typeof time === 'string' || typeof time === 'number' ? readMoment(String(time)) : null;
  if (ms !== null) return new Date(ms).toISOString();
  throw invalidMember(
    'expires_at',
    'expires_at must be null, an ISO 8601 time such as 2027-01-31T00:00:00Z, or Unix seconds.',
  );
}
