import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { RecentRows } from './recent-rows.ts';
import { bigint, type Row, text, textOrNull } from './row-values.ts';
import { MOST_NANO_USD } from './sums.ts';

/** What one call, or the calls of one batch, tell of their run. */
export interface RunTouch {
  readonly team: string;
  readonly runId: string;
  parentRunId: string | null;
  sessionId: string | null;
  startedAt: string;
  lastActivityAt: string;
  costNanoUsd: bigint;
}

/** The runs that one batch touches, each once. */
export class RunBatch {
  readonly touches: RunTouch[] = [];
  readonly #byTeam = new Map<string, Map<string, RunTouch>>();

  /** Calls come in the order in which they were opened and finished, so the last one names the session. */
  add(touch: RunTouch): void {
    if (touch.parentRunId === touch.runId) touch.parentRunId = null; // who names itself as its parent has none
    const runs = this.#runsOf(touch.team);
    const known = runs.get(touch.runId);
    if (known !== undefined) {
      addTouch(known, touch);
      return;
    }
    runs.set(touch.runId, touch);
    this.touches.push(touch);
  }

  #runsOf(team: string): Map<string, RunTouch> {
    const known = this.#byTeam.get(team);
    if (known !== undefined) return known;
    const runs = new Map<string, RunTouch>();
    this.#byTeam.set(team, runs);
    return runs;
  }
}

/** Adds what was told later. */
function addTouch(known: RunTouch, touch: RunTouch): void {
  known.parentRunId ??= touch.parentRunId;
  known.sessionId = touch.sessionId ?? known.sessionId;
  if (touch.startedAt < known.startedAt) known.startedAt = touch.startedAt;
  if (touch.lastActivityAt > known.lastActivityAt) known.lastActivityAt = touch.lastActivityAt;
  const costNanoUsd = known.costNanoUsd + touch.costNanoUsd;
  known.costNanoUsd = costNanoUsd < MOST_NANO_USD ? costNanoUsd : MOST_NANO_USD;
}

/**
 * Rows of `runs`. A run is there from its first call on, also while that call is still open. The first parent that is
 * named stays, so that a tree of runs does not change under its readers; the last session that is named is shown.
 */
const TOUCH_RUN = `
INSERT INTO runs (team, run_id, parent_run_id, session_id, labels, limits, started_at, last_activity_at, cost_nano_usd)
VALUES (?, ?, ?, ?, '{}', '[]', ?, ?, ?)
ON CONFLICT (team, run_id) DO UPDATE SET
  parent_run_id = coalesce(parent_run_id, excluded.parent_run_id),
  session_id = coalesce(excluded.session_id, session_id),
  started_at = min(coalesce(started_at, excluded.started_at), excluded.started_at),
  last_activity_at = max(last_activity_at, excluded.last_activity_at),
  cost_nano_usd = min(${MOST_NANO_USD}, cost_nano_usd + excluded.cost_nano_usd)`;

const COLUMNS = 'team, run_id, parent_run_id, session_id, started_at, last_activity_at, cost_nano_usd';
const INSERT_RECENT = `INSERT INTO runs_recent (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`;
/** So many are moved at a time. They may have a page each to write, of the table and of its indexes. */
const ROWS_AT_ONCE = 25_000;
/** In the order of `runs`, so that neighbours are written one after the other, and of each run as it was told. */
const RECENT = `SELECT ${COLUMNS}, rowid AS place FROM runs_recent ORDER BY team, run_id, rowid LIMIT ${ROWS_AT_ONCE}`;
/** Those that come no later in that order than the row that is named. */
const CLEAR_UNTIL = `DELETE FROM runs_recent
  WHERE (team, run_id) < (?1, ?2) OR (team = ?1 AND run_id = ?2 AND rowid <= ?3)`;

/** Writes rows of `runs` in two steps, as `RollupWriter` those of the activity. */
export class RunWriter {
  readonly #insert: StatementSync;
  readonly #recent: StatementSync;
  readonly #rows: RecentRows;
  readonly #touch: StatementSync;
  readonly #clearUntil: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(INSERT_RECENT);
    this.#recent = database.prepare(RECENT);
    this.#recent.setReadBigInts(true);
    this.#rows = new RecentRows(database, 'runs_recent');
    this.#touch = database.prepare(TOUCH_RUN);
    this.#clearUntil = database.prepare(CLEAR_UNTIL);
  }

  /** Must be called inside the batch's transaction. */
  write(batch: RunBatch): void {
    for (const run of batch.touches) {
      const { team, runId, parentRunId, sessionId, startedAt, lastActivityAt, costNanoUsd } = run;
      this.#insert.run(team, runId, parentRunId, sessionId, startedAt, lastActivityAt, costNanoUsd);
    }
  }

  /** How many wait to be moved. */
  get rows(): number {
    return this.#rows.count;
  }

  /** Moves the first of what batches have written to `runs`. Must be called inside a transaction. */
  move(): 'all' | 'part' {
    let last: RunTouch | null = null;
    let count = 0;
    let place = 0n;
    for (const row of this.#recent.iterate()) {
      const touch = touchOfRow(row);
      count += 1;
      place = bigint(row, 'place');
      if (last !== null && last.runId === touch.runId && last.team === touch.team) addTouch(last, touch);
      else {
        if (last !== null) this.#write(last);
        last = touch;
      }
    }
    if (last !== null) this.#write(last);
    if (last === null || count < ROWS_AT_ONCE) {
      this.#rows.clear();
      return 'all';
    }
    this.#clearUntil.run(last.team, last.runId, place);
    return 'part';
  }

  #write(run: RunTouch): void {
    const { team, runId, parentRunId, sessionId, startedAt, lastActivityAt, costNanoUsd } = run;
    this.#touch.run(team, runId, parentRunId, sessionId, startedAt, lastActivityAt, costNanoUsd);
  }
}

function touchOfRow(row: Row): RunTouch {
  return {
    team: text(row, 'team'),
    runId: text(row, 'run_id'),
    parentRunId: textOrNull(row, 'parent_run_id'),
    sessionId: textOrNull(row, 'session_id'),
    startedAt: text(row, 'started_at'),
    lastActivityAt: text(row, 'last_activity_at'),
    costNanoUsd: bigint(row, 'cost_nano_usd'),
  };
}
