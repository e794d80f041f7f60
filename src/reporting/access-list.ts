import type { AccessBook, KeyFilter } from '../ledger/access-book.ts';
import {
  type FileKey,
  type FileTeam,
  type KeyView,
  type TeamView,
  viewFileKey,
  viewFileTeam,
  viewKey,
  viewTeam,
} from './access-view.ts';
import { type ListPage, type PageRequest, pageOf } from './list-page.ts';

/** Where teams and keys are: in the configuration file, which stands before, and in the ledger. */
export interface AccessSources {
  readonly book: Pick<AccessBook, 'team' | 'teams' | 'key' | 'keys'>;
  readonly file: () => { readonly teams: readonly FileTeam[]; readonly keys: readonly FileKey[] };
}

/** A page of all teams, in the order of their ids. Teams that only a key of the file names are among them. */
export async function listTeams(sources: AccessSources, page: PageRequest): Promise<ListPage<TeamView>> {
  const file = sources.file();
  const named = teamsOfKeys(file.keys);
  const afterId = page.position?.[0] ?? null;
  const rows = await sources.book.teams({ limit: page.limit + 1 + file.teams.length, afterId });
  const listed = merge(file.teams.map(viewFileTeam), rows.map(viewTeam));
  return pageAfter(merge(listed, named.map(viewFileTeam)), page);
}

/** One team; null where there is none. */
export async function findTeam(sources: AccessSources, id: string): Promise<TeamView | null> {
  const ofFile = sources.file().teams.find((team) => team.id === id);
  if (ofFile !== undefined) return viewFileTeam(ofFile);
  const row = await sources.book.team(id);
  if (row !== null) return viewTeam(row);
  const named = teamsOfKeys(sources.file().keys).find((team) => team.id === id);
  return named === undefined ? null : viewFileTeam(named);
}

/** A page of all keys, in the order of their ids. */
export async function listKeys(
  sources: AccessSources,
  { filter, nowMs }: { readonly filter: KeyFilter; readonly nowMs: number },
  page: PageRequest,
): Promise<ListPage<KeyView>> {
  const ofFile = uniqueById(sources.file().keys);
  const afterId = page.position?.[0] ?? null;
  const rows = await sources.book.keys(filter, { limit: page.limit + 1 + ofFile.length, afterId });
  // A key of the ledger whose id the file has too is not in force, of whichever team it is.
  const all = merge(
    ofFile.map((key) => viewFileKey(key, nowMs)),
    rows.map((row) => viewKey(row, nowMs)),
  );
  return pageAfter(
    all.filter(({ team }) => filter.team === null || team === filter.team),
    page,
  );
}

/** One key, revoked or not; null where there never was one. */
export async function findKey(sources: AccessSources, id: string, nowMs: number): Promise<KeyView | null> {
  const ofFile = sources.file().keys.find((key) => key.id === id);
  if (ofFile !== undefined) return viewFileKey(ofFile, nowMs);
  const row = await sources.book.key(id);
  return row === null ? null : viewKey(row, nowMs);
}

/** All of `first`, and of `second` those whose id is not in it. */
function merge<View extends { readonly id: string }>(first: readonly View[], second: readonly View[]): View[] {
  const ids = new Set(first.map(({ id }) => id));
  return [...first, ...second.filter(({ id }) => !ids.has(id))];
}

function pageAfter<View extends { readonly id: string }>(views: readonly View[], page: PageRequest): ListPage<View> {
  const after = page.position?.[0] ?? null;
  const rest = views.filter(({ id }) => after === null || compareIds(id, after) > 0);
  rest.sort((a, b) => compareIds(a.id, b.id));
  return pageOf(rest.slice(0, page.limit + 1), page, ({ id }) => [id]);
}

/** Teams need not be listed: a key's word is enough. */
function teamsOfKeys(keys: readonly FileKey[]): FileTeam[] {
  return [...new Set(keys.map(({ team }) => team))].map((id) => ({ id, name: null, limits: [] }));
}

/** As SQLite orders text: by its bytes in UTF-8. */
function compareIds(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function uniqueById(keys: readonly FileKey[]): FileKey[] {
  return [...new Map(keys.map((key) => [key.id, key])).values()];
}
