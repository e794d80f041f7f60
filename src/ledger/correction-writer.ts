import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { formatUsd } from '../core/money.ts';
import { audit } from './access-writer.ts';
import type { CorrectionBatch, ProposedCorrection } from './correction.ts';
import { inTransaction } from './database.ts';
import { isoTime } from './iso-time.ts';
import { nextPeriod, periodOf } from './period.ts';
import { ACTIVITY_KEY, AGENT_KEY, BUCKET_MS, floorTo, USAGE_KEY, USER_KEY } from './rollups.ts';
import { integerOrNull, type Row, text, textOrNull } from './row-values.ts';
import { SettlementCounter } from './settlement.ts';
import { RECORD_MODEL_SQL } from './sums.ts';

const RECORD = `SELECT team, key_id, run_id, session_id, agent, "user", upstream, endpoint, service_tier, usage_source, started_at,
    ${RECORD_MODEL_SQL} AS model, cost_nano_usd, price_id
  FROM records WHERE id = ? AND ending NOT IN ('in_flight', 'queued')`;
const LAST =
  'SELECT cost_after_nano_usd, price_id_after FROM corrections WHERE record_id = ? ORDER BY rowid DESC LIMIT 1';
const CLOSED_THROUGH = 'SELECT max(period) AS period FROM statements WHERE team = ?';
const INSERT = `INSERT INTO corrections (id, record_id, created_at, period, team, key_id, run_id, upstream, model,
    record_started_at, reason, actor, cost_before_nano_usd, cost_after_nano_usd, delta_nano_usd, price_id_before,
    price_id_after, settlement)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

type RolledUpTable = keyof typeof BUCKET_MS;
const KEYS: Readonly<Record<RolledUpTable, readonly string[]>> = {
  usage_minute: USAGE_KEY,
  usage_hour: USAGE_KEY,
  usage_day: USAGE_KEY,
  user_day: USER_KEY,
  agent_day: AGENT_KEY,
  activity: ACTIVITY_KEY,
};
const TABLES = ['usage_minute', 'usage_hour', 'usage_day', 'user_day', 'agent_day', 'activity'] as const;

/**
 * Writes corrections and adds them to the roll-ups, in one transaction. A record that is gone, is still open, or costs
 * something else than the new cost was worked out from is left as it is: whoever came first holds. Must be called on the
 * connection that writes.
 *
 * @returns the ids of the records that were corrected
 */
export function writeCorrections(database: DatabaseSync, batch: CorrectionBatch): string[] {
  return inTransaction(database, () => {
    const statements = new CorrectionStatements(database);
    statements.settlements.begin();
    const written = batch.corrections.flatMap((proposed) => writeOne(statements, proposed, batch) ?? []);
    statements.settlements.end();
    if (written.length > 0) auditBatch(database, written, batch);
    return written.map(({ recordId }) => recordId);
  });
}

/** Prepared once for a batch. */
class CorrectionStatements {
  readonly record: StatementSync;
  readonly last: StatementSync;
  readonly closedThrough: StatementSync;
  readonly insert: StatementSync;
  readonly settlements: SettlementCounter;
  readonly rollups: ReadonlyMap<RolledUpTable, StatementSync>;

  constructor(database: DatabaseSync) {
    this.record = database.prepare(RECORD);
    this.last = database.prepare(LAST);
    this.closedThrough = database.prepare(CLOSED_THROUGH);
    this.insert = database.prepare(INSERT);
    this.settlements = new SettlementCounter(database);
    this.rollups = new Map(TABLES.map((table) => [table, database.prepare(addCorrectionSql(table))]));
  }
}

interface Written {
  readonly recordId: string;
  readonly id: string;
  readonly team: string;
  readonly deltaNanoUsd: number;
}

/** Gives what was written; null where the record is left as it is. */
function writeOne(
  statements: CorrectionStatements,
  proposed: ProposedCorrection,
  batch: CorrectionBatch,
): Written | null {
  const record = statements.record.get(proposed.recordId);
  if (record === undefined) return null;
  const last = statements.last.get(proposed.recordId);
  const before =
    last === undefined ? integerOrNull(record, 'cost_nano_usd') : integerOrNull(last, 'cost_after_nano_usd');
  if (before !== proposed.expectedNanoUsd || before === proposed.costNanoUsd) return null;
  const deltaNanoUsd = proposed.costNanoUsd - (before ?? 0);
  statements.insert.run(
    proposed.id,
    proposed.recordId,
    isoTime(batch.nowMs),
    periodFor(statements, record),
    text(record, 'team'),
    text(record, 'key_id'),
    textOrNull(record, 'run_id'),
    text(record, 'upstream'),
    text(record, 'model'),
    text(record, 'started_at'),
    batch.reason,
    batch.author.actor,
    before,
    proposed.costNanoUsd,
    deltaNanoUsd,
    last === undefined ? textOrNull(record, 'price_id') : text(last, 'price_id_after'),
    proposed.priceId,
    statements.settlements.next(),
  );
  addToRollups(statements, record, { deltaNanoUsd, pricedLater: before === null ? 1 : 0 });
  return { recordId: proposed.recordId, id: proposed.id, team: text(record, 'team'), deltaNanoUsd };
}

/** One entry for a batch: each correction says its own record, costs and prices, and is kept for ever too. */
function auditBatch(database: DatabaseSync, written: readonly Written[], batch: CorrectionBatch): void {
  const { asked, author, reason, nowMs } = batch;
  const range = `${isoTime(asked.startMs)}/${isoTime(asked.endMs)}`;
  const after = {
    reason,
    asked: { team: asked.team, model: asked.model, upstream: asked.upstream },
    corrections: written.length,
    corrections_usd: formatUsd(written.reduce((sum, { deltaNanoUsd }) => sum + BigInt(deltaNanoUsd), 0n)),
    teams: [...new Set(written.map(({ team }) => team))].sort(),
    first_correction_id: written[0]?.id,
    last_correction_id: written.at(-1)?.id,
  };
  const entry = {
    action: 'costs.correct',
    target: 'corrections',
    id: range,
    team: asked.team,
    before: null,
    after,
  } as const;
  audit(database, entry, { ...author, nowMs });
}

/** The month of the call, or the first open one after the team's closed months. */
function periodFor(statements: CorrectionStatements, record: Row): string {
  const own = periodOf(text(record, 'started_at'));
  const row = statements.closedThrough.get(text(record, 'team'));
  const closed = row === undefined ? null : textOrNull(row, 'period');
  return closed === null || closed < own ? own : nextPeriod(closed);
}

/** Rows of roll-ups that retention has removed are not made again: the coarser ones have the sum. */
function addToRollups(
  statements: CorrectionStatements,
  record: Row,
  { deltaNanoUsd, pricedLater }: { deltaNanoUsd: number; pricedLater: number },
): void {
  const startedMs = Date.parse(text(record, 'started_at'));
  for (const [table, statement] of statements.rollups) {
    const key = KEYS[table].map((name) =>
      name === 'bucket_start' ? floorTo(startedMs, BUCKET_MS[table]) : (textOrNull(record, name) ?? ''),
    );
    statement.run(pricedLater, deltaNanoUsd, ...key);
  }
}

function addCorrectionSql(table: RolledUpTable): string {
  return `UPDATE ${table} SET corrections = corrections + 1, priced_later = priced_later + ?,
      corrections_nano_usd = corrections_nano_usd + ?
    WHERE ${KEYS[table].map((name) => `"${name}" = ?`).join(' AND ')}`;
}
