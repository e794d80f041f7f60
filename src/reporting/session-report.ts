import type { ActivitySum, LedgerReader, RecordFilter, RunRow } from '../ledger/ledger-reader.ts';
import type { CallRecord } from '../ledger/record.ts';
import { type ActivityBlock, activityBlock } from './activity-block.ts';
import { type RunBlock, runBlock } from './run-block.ts';

/** Calls of a session, and when they were made. */
interface SessionBlock extends ActivityBlock {
  readonly started_at: string;
  readonly last_activity_at: string;
  /** Calls that are open now. */
  readonly in_flight: number;
}

/** A session: all its calls summed, its runs each on its own, and the calls that name no run. */
export interface SessionReport extends SessionBlock {
  readonly session_id: string;
  readonly team: string;
  /** Only what the run did within this session, without entries. The blocks add up to the session. */
  readonly runs: readonly RunBlock[];
  /** True where the session has more runs than are listed. The sum holds them all. */
  readonly runs_truncated: boolean;
  readonly without_run: SessionBlock | null;
}

export type SessionAnswer =
  | { readonly kind: 'found'; readonly report: SessionReport }
  | { readonly kind: 'unknown' }
  /** Session ids live within a team, and the reader has to say which. */
  | { readonly kind: 'ambiguous'; readonly teams: readonly string[] };

const MAX_RUNS = 1_000;
const MAX_OPEN_CALLS = 1_000;

/** What one run, or no run, did in the session. */
interface Part {
  readonly runId: string | null;
  readonly sums: readonly ActivitySum[];
  readonly open: readonly CallRecord[];
}

/**
 * Reports one session.
 *
 * @param team null looks in all teams
 */
export async function reportSession(
  reader: LedgerReader,
  team: string | null,
  sessionId: string,
): Promise<SessionAnswer> {
  const [sums, open] = await Promise.all([
    reader.sumsOfSession(team, sessionId),
    openCallsOfSession(reader, team, sessionId),
  ]);
  const teams = [...new Set([...sums, ...open].map((activity) => activity.team))].sort();
  const [onlyTeam] = teams;
  if (onlyTeam === undefined) return { kind: 'unknown' };
  if (teams.length > 1) return { kind: 'ambiguous', teams };

  const parts = partsOf(sums, open);
  const named = parts.filter((part) => part.runId !== null);
  const withoutRun = parts.find((part) => part.runId === null);
  const runs = await Promise.all(named.slice(0, MAX_RUNS).map((part) => reportPart(reader, onlyTeam, part)));
  return {
    kind: 'found',
    report: {
      session_id: sessionId,
      team: onlyTeam,
      ...sessionBlock(sums, open),
      runs: runs.flatMap((run) => run ?? []),
      runs_truncated: named.length > MAX_RUNS,
      without_run: withoutRun === undefined ? null : sessionBlock(withoutRun.sums, withoutRun.open),
    },
  };
}

async function openCallsOfSession(reader: LedgerReader, team: string | null, sessionId: string): Promise<CallRecord[]> {
  const page = { limit: MAX_OPEN_CALLS, beforeId: null };
  const filter: RecordFilter = {
    team,
    sessionId,
    keyId: null,
    runId: null,
    model: null,
    ending: null,
    startMs: null,
    endMs: null,
  };
  const [inFlight, queued] = await Promise.all([
    reader.records({ ...filter, ending: 'in_flight' }, page),
    reader.records({ ...filter, ending: 'queued' }, page),
  ]);
  return [...inFlight, ...queued];
}

/** Splits by run, in the order in which the runs began. */
function partsOf(sums: readonly ActivitySum[], open: readonly CallRecord[]): Part[] {
  const sumsByRun = Map.groupBy(sums, (sum) => sum.run_id);
  const openByRun = Map.groupBy(open, (record) => record.run_id);
  return [...new Set([...sumsByRun.keys(), ...openByRun.keys()])]
    .map((runId) => ({ runId, sums: sumsByRun.get(runId) ?? [], open: openByRun.get(runId) ?? [] }))
    .map((part) => ({ part, startedAt: span(part.sums, part.open).started_at }))
    .sort((a, b) => (a.startedAt < b.startedAt ? -1 : Number(a.startedAt > b.startedAt)))
    .map(({ part }) => part);
}

async function reportPart(reader: LedgerReader, team: string, part: Part): Promise<RunBlock | null> {
  if (part.runId === null) return null;
  const run = { team, runId: part.runId };
  const [row, children] = await Promise.all([reader.run(run), reader.childrenOf(run)]);
  if (row === null) return null;
  const within: RunRow = { ...row, ...span(part.sums, part.open), in_flight: part.open.length };
  return runBlock({ row: within, sums: part.sums, children, records: null });
}

function sessionBlock(sums: readonly ActivitySum[], open: readonly CallRecord[]): SessionBlock {
  return {
    ...span(sums, open),
    in_flight: open.length,
    ...activityBlock({ sums, inFlight: open.length, records: null }),
  };
}

/** First and last moment of the calls; all times are ISO 8601 in UTC, so that they sort as text. */
function span(sums: readonly ActivitySum[], open: readonly CallRecord[]) {
  const starts = [...sums.map((sum) => sum.first_at), ...open.map((record) => record.started_at)].sort();
  const lasts = [...sums.map((sum) => sum.last_at), ...open.map((record) => record.started_at)].sort();
  return { started_at: starts.at(0) ?? '', last_activity_at: lasts.at(-1) ?? '' };
}
