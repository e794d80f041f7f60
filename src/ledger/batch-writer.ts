import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction } from './database.ts';
import { type EndedCall, endedCallOf, textAt } from './ended-call.ts';
import type { JournalRow, UnwrittenRow } from './journal-messages.ts';
import { RECORD_COLUMNS } from './record-columns.ts';
import { RollupBatch, RollupWriter } from './rollups.ts';
import { RunBatch, RunWriter } from './run-rows.ts';
import { SettlementCounter } from './settlement.ts';
import { isRowFault } from './sqlite-error.ts';

const COLUMNS = [...RECORD_COLUMNS, 'instance_id', 'settlement'].map((name) => `"${name}"`);
const INSERT = `INSERT INTO records (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`;
const OPEN_RECORD = `${INSERT} ON CONFLICT (id) DO NOTHING`;
/** Only a row that has no end yet is written over. The instance that opened the call stays its owner. */
const FINISH_RECORD = `${INSERT} ON CONFLICT (id) DO UPDATE SET
  ${RECORD_COLUMNS.filter((name) => name !== 'id')
    .map((name) => `"${name}" = excluded."${name}"`)
    .join(', ')}, settlement = excluded.settlement
  WHERE ending IN ('in_flight', 'queued')`;

/**
 * Writes a batch of rows with their roll-ups in one transaction. A record is folded into the roll-ups exactly once:
 * when it first gets an end. So writing a batch twice gives what writing it once gives.
 */
export class BatchWriter {
  readonly #database: DatabaseSync;
  readonly #instanceId: string;
  readonly #open: StatementSync;
  readonly #finish: StatementSync;
  readonly #rollups: RollupWriter;
  readonly #runs: RunWriter;
  readonly #settlements: SettlementCounter;

  constructor(database: DatabaseSync, instanceId: string) {
    this.#database = database;
    this.#instanceId = instanceId;
    this.#open = database.prepare(OPEN_RECORD);
    this.#finish = database.prepare(FINISH_RECORD);
    this.#rollups = new RollupWriter(database);
    this.#runs = new RunWriter(database);
    this.#settlements = new SettlementCounter(database);
  }

  /**
   * Writes all of the rows but those that are given back, which are known already or cannot be kept.
   *
   * @throws what SQLite throws when the transaction fails; then nothing of the batch is written
   */
  write(rows: readonly JournalRow[]): UnwrittenRow[] {
    return inTransaction(this.#database, () => {
      const rollups = new RollupBatch();
      const runs = new RunBatch();
      const unwritten: UnwrittenRow[] = [];
      this.#settlements.begin();
      const finished = new Set<string>();
      for (const row of rows) if (row.step === 'finish') finished.add(textAt(row.columns, 'id'));

      for (const row of rows) {
        // A call that ended before its opening was written needs one row, not two.
        if (row.step === 'open' && finished.has(textAt(row.columns, 'id'))) continue;
        const problem = this.#writeRow(row, rollups, runs);
        if (problem !== null) unwritten.push(problem);
      }
      this.#rollups.write(rollups);
      this.#runs.write(runs);
      this.#settlements.end();
      return unwritten;
    });
  }

  #writeRow(row: JournalRow, rollups: RollupBatch, runs: RunBatch): UnwrittenRow | null {
    try {
      const call = hasEnd(row) ? endedCallOf(row.columns) : null;
      const statement = row.step === 'open' ? this.#open : this.#finish;
      const settlement = call === null ? null : this.#settlements.next();
      const { changes } = statement.run(...row.columns, this.#instanceId, settlement);
      if (changes === 0) return row.step === 'open' ? null : alreadyEnded(row);
      if (call !== null) rollups.add(call);
      touchRun(row, call, runs);
      return null;
    } catch (error) {
      if (!isRowFault(error)) throw error;
      const message = error instanceof Error ? error.message : String(error);
      return { sequence: row.sequence, why: 'fault', message };
    }
  }
}

function alreadyEnded(row: JournalRow): UnwrittenRow {
  return { sequence: row.sequence, why: 'known', message: 'The record has an end already.' };
}

function hasEnd(row: JournalRow): boolean {
  const ending = textAt(row.columns, 'ending');
  return row.step === 'finish' && ending !== 'in_flight' && ending !== 'queued';
}

function touchRun(row: JournalRow, call: EndedCall | null, runs: RunBatch): void {
  const runId = textAt(row.columns, 'run_id');
  if (runId === '') return;
  const startedAt = textAt(row.columns, 'started_at');
  runs.add({
    team: textAt(row.columns, 'team'),
    runId,
    parentRunId: textAt(row.columns, 'parent_run_id') || null,
    sessionId: textAt(row.columns, 'session_id') || null,
    startedAt,
    lastActivityAt: textAt(row.columns, 'ended_at') || startedAt,
    costNanoUsd: call?.sums.cost_nano_usd ?? 0n,
  });
}
