import type { LimitRule } from './limit-rule.ts';

/**
 * Which rules there are. Found by whose they are, so that a call costs two look-ups however many rules there are.
 * Whoever changes rules makes a new book.
 */
export interface RuleBook {
  ofTeam(team: string): readonly LimitRule[];
  ofKey(team: string, keyId: string): readonly LimitRule[];
  /** What every run may use. */
  readonly ofRuns: readonly LimitRule[];
  /** The teams and keys that have rules, in the order of their ids. */
  owners(): readonly RuleOwner[];
}

export interface RuleOwner {
  readonly team: string;
  /** Null: the rules are the team's. */
  readonly keyId: string | null;
  readonly rules: readonly LimitRule[];
}

const NONE: readonly LimitRule[] = [];

/** Makes a book. Several entries of one owner are added up. */
export function createRuleBook(owners: readonly RuleOwner[], ofRuns: readonly LimitRule[]): RuleBook {
  const teams = new Map<string, readonly LimitRule[]>();
  const keys = new Map<string, readonly LimitRule[]>();
  const withRules = owners.filter(({ rules }) => rules.length > 0);
  for (const { team, keyId, rules } of withRules) {
    const [book, name] = keyId === null ? [teams, team] : [keys, keyName(team, keyId)];
    book.set(name, [...(book.get(name) ?? NONE), ...rules]);
  }
  return {
    ofTeam: (team) => teams.get(team) ?? NONE,
    ofKey: keys.size === 0 ? () => NONE : (team, keyId) => keys.get(keyName(team, keyId)) ?? NONE,
    ofRuns,
    owners: () => withRules.toSorted(byOwner),
  };
}

/** The rules of two books together; those for every run are of the first. */
export function joinRuleBooks(first: RuleBook, second: Omit<RuleBook, 'ofRuns'>): RuleBook {
  return {
    ofTeam: (team) => both(first.ofTeam(team), second.ofTeam(team)),
    ofKey: (team, keyId) => both(first.ofKey(team, keyId), second.ofKey(team, keyId)),
    ofRuns: first.ofRuns,
    owners: () => [...first.owners(), ...second.owners()].toSorted(byOwner),
  };
}

function both(one: readonly LimitRule[], other: readonly LimitRule[]): readonly LimitRule[] {
  if (one.length === 0) return other;
  return other.length === 0 ? one : [...one, ...other];
}

/** Ids are printable, so a line feed stands in none. */
function keyName(team: string, keyId: string): string {
  return `${team}\n${keyId}`;
}

function byOwner(one: RuleOwner, other: RuleOwner): number {
  const left = keyName(one.team, one.keyId ?? '');
  const right = keyName(other.team, other.keyId ?? '');
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
