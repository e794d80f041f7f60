import type { DatabaseSync, StatementSync } from 'node:sqlite';

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
  readonly touches = new Map<string, RunTouch>();
  #last: RunTouch | null = null;

  /** Calls come in the order in which they were opened and finished, so the last one names the session. */
  add(touch: RunTouch): void {
    const known = this.#find(touch);
    if (known === null) {
      this.touches.set(keyOf(touch), touch);
      this.#last = touch;
      return;
    }
    known.parentRunId ??= touch.parentRunId;
    known.sessionId = touch.sessionId ?? known.sessionId;
    if (touch.startedAt < known.startedAt) known.startedAt = touch.startedAt;
    if (touch.lastActivityAt > known.lastActivityAt) known.lastActivityAt = touch.lastActivityAt;
    known.costNanoUsd += touch.costNanoUsd;
    this.#last = known;
  }

  /** Calls of one run come close together, and comparing costs less than looking up. */
  #find(touch: RunTouch): RunTouch | null {
    const last = this.#last;
    if (last !== null && last.runId === touch.runId && last.team === touch.team) return last;
    return this.touches.get(keyOf(touch)) ?? null;
  }
}

function keyOf({ team, runId }: RunTouch): string {
  return `${team}\0${runId}`;
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
  cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd`;

export class RunWriter {
  readonly #touch: StatementSync;

  constructor(database: DatabaseSync) {
    this.#touch = database.prepare(TOUCH_RUN);
  }

  /** Must be called inside the batch's transaction. */
  write(batch: RunBatch): void {
    for (const run of batch.touches.values()) {
      // A run that names itself as its parent has none.
      const parent = run.parentRunId === run.runId ? null : run.parentRunId;
      this.#touch.run(run.team, run.runId, parent, run.sessionId, run.startedAt, run.lastActivityAt, run.costNanoUsd);
    }
  }
}
