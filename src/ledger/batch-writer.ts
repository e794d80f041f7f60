import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction } from './database.ts';
import { AT, type EndedCall, endedCallOf, hasEnd, textAt } from './ended-call.ts';
import { type JournalRow, KNOWN, type UnwrittenRow } from './journal-messages.ts';
import { OpenCallWriter } from './open-calls.ts';
import { type ColumnValue, RECORD_COLUMNS } from './record-columns.ts';
import { RECOVERED } from './recovered-end.ts';
import { RollupBatch, RollupWriter } from './rollups.ts';
import { assertColumns, type RowStep } from './row-lines.ts';
import { listOf } from './row-values.ts';
import { RunBatch, RunWriter } from './run-rows.ts';
import { SettlementCounter } from './settlement.ts';
import { isRowFault } from './sqlite-error.ts';

const COLUMNS = [...RECORD_COLUMNS, 'instance_id', 'settlement'].map((name) => `"${name}"`);
const INSERT = `INSERT INTO records (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`;
const WRITE_OVER = `${INSERT} ON CONFLICT (id) DO UPDATE SET
  ${RECORD_COLUMNS.filter((name) => name !== 'id')
    .map((name) => `"${name}" = excluded."${name}"`)
    .join(', ')}, settlement = excluded.settlement`;
/** Only a row that has no end yet is written over: that of a background response. */
const FINISH_RECORD = `${WRITE_OVER} WHERE ending IN ('in_flight', 'queued')`;
/** An end that recovery gave (`recovery.ts`). */
const FIND_RECOVERED = `SELECT ${RECORD_COLUMNS.map((name) => `"${name}"`).join(', ')} FROM records
  WHERE id = ? AND ending = '${RECOVERED}' AND error_code = '${RECOVERED}'`;

/** A row that the ledger can keep. */
export interface EnteredRow {
  readonly step: RowStep;
  readonly columns: readonly ColumnValue[];
  /** What the roll-ups take from it, where it has an end. */
  readonly call: EndedCall | null;
  /** The process that writes it. */
  readonly instanceId: string;
  /** As it came (`row-lines.ts`); only that of an opening is read. */
  readonly line: string;
}

/** A row that was not written, and why (`UnwrittenRow`). */
export interface Unentered<Row> extends Pick<UnwrittenRow, 'why' | 'message'> {
  readonly row: Row;
}

/** Rows that stand in a table of their own until they are moved together. */
export interface Moving {
  readonly rows: number;
  /** Moves them within a transaction of the caller, or a part of them where it would hold the database for long. */
  readonly move: () => 'all' | 'part';
}

/** Moves all of them within one transaction of the caller. */
export function moveAll(moving: Moving): void {
  while (moving.move() === 'part');
}

/**
 * Writes batches of rows with their roll-ups into the books. A record is folded into the roll-ups exactly once: when it
 * first gets an end. So writing a batch twice gives what writing it once gives.
 */
export class BatchWriter {
  readonly #database: DatabaseSync;
  readonly #instanceId: string;
  readonly #openCalls: OpenCallWriter;
  readonly #finish: StatementSync;
  readonly #findRecovered: StatementSync;
  readonly #writeOver: StatementSync;
  readonly #rollups: RollupWriter;
  readonly #runs: RunWriter;
  readonly #settlements: SettlementCounter;

  constructor(database: DatabaseSync, instanceId: string) {
    this.#database = database;
    this.#instanceId = instanceId;
    this.#openCalls = new OpenCallWriter(database);
    this.#finish = database.prepare(FINISH_RECORD);
    this.#findRecovered = database.prepare(FIND_RECOVERED);
    this.#findRecovered.setReturnArrays(true);
    this.#writeOver = database.prepare(WRITE_OVER);
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
    const faults: UnwrittenRow[] = [];
    const usable = rows.flatMap((row) => {
      try {
        const call = hasEnd(row.step, row.columns) ? endedCallOf(row.columns) : null;
        const line = row.step === 'open' ? `o${JSON.stringify(row.columns)}` : '';
        return [{ ...row, call, instanceId: this.#instanceId, line }];
      } catch (error) {
        if (!isRowFault(error)) throw error;
        faults.push({ sequence: row.sequence, why: 'fault', message: messageOf(error) });
        return [];
      }
    });
    const unentered = inTransaction(this.#database, () => {
      const refused = this.enter(usable);
      for (const moving of this.recent) moveAll(moving);
      return refused;
    });
    return [...faults, ...unentered.map(({ row: { sequence }, why, message }) => ({ sequence, why, message }))];
  }

  /**
   * The same within a transaction of the caller, but that roll-ups and runs have it only when what is `recent` was moved.
   * Gives the rows that were not written.
   */
  enter<Row extends EnteredRow>(rows: readonly Row[]): Unentered<Row>[] {
    const rollups = new RollupBatch();
    const runs = new RunBatch();
    const unentered: Unentered<Row>[] = [];
    this.#settlements.begin();
    const finished = new Set<string>();
    for (const row of rows) if (row.step === 'finish') finished.add(textAt(row.columns, AT.id));
    const ended: string[] = [];

    for (const row of rows) {
      // A call that ended before its opening was written needs one row, not two.
      if (row.step === 'open' && finished.has(textAt(row.columns, AT.id))) continue;
      try {
        const written =
          row.step === 'open'
            ? this.#openCalls.open(row)
            : this.#finishRecord(row) || this.#finishRecovered(row, rollups);
        if (row.step === 'finish') ended.push(textAt(row.columns, AT.id));
        if (written) fold(row, rollups, runs);
        else if (row.step === 'finish') unentered.push({ row, ...KNOWN });
      } catch (error) {
        if (!isRowFault(error)) throw error;
        unentered.push({ row, why: 'fault', message: messageOf(error) });
      }
    }
    this.#openCalls.close(ended);
    this.#rollups.write(rollups);
    this.#runs.write(runs);
    this.#settlements.end();
    return unentered;
  }

  /** What was entered and is not yet where readers look for it. */
  get recent(): readonly Moving[] {
    return [...this.#rollups.recent, this.#runs];
  }

  #finishRecord(row: EnteredRow): boolean {
    const settlement = row.call === null ? null : this.#settlements.next();
    return this.#finish.run(...row.columns, row.instanceId, settlement).changes !== 0;
  }

  /**
   * A process whose thread had died was taken for dead, and its open calls were given an end. Their own end, which comes
   * after all, takes its place, and the roll-ups have back what they were given.
   */
  #finishRecovered(row: EnteredRow, rollups: RollupBatch): boolean {
    if (row.call === null || isRecovered(row.columns)) return false;
    const before = this.#findRecovered.get(textAt(row.columns, AT.id));
    if (before === undefined) return false;
    const call = endedCallOf(assertColumns(listOf(before)));
    rollups.add({ ...call, addends: call.addends.map((addend) => -addend) });
    return this.#writeOver.run(...row.columns, row.instanceId, this.#settlements.next()).changes !== 0;
  }
}

function isRecovered(columns: readonly ColumnValue[]): boolean {
  return textAt(columns, AT.ending) === RECOVERED && textAt(columns, AT.errorCode) === RECOVERED;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function fold({ columns, call }: EnteredRow, rollups: RollupBatch, runs: RunBatch): void {
  if (call !== null) rollups.add(call);
  const runId = textAt(columns, AT.runId);
  if (runId === '') return;
  const startedAt = textAt(columns, AT.startedAt);
  const endedAt = textAt(columns, AT.endedAt);
  runs.add({
    team: textAt(columns, AT.team),
    runId,
    parentRunId: textAt(columns, AT.parentRunId) || null,
    sessionId: textAt(columns, AT.sessionId) || null,
    startedAt,
    // A clock may be set back meanwhile; the days from the first to the last moment hold each call's beginning.
    lastActivityAt: endedAt > startedAt ? endedAt : startedAt,
    costNanoUsd: BigInt(call?.costNanoUsd ?? 0),
  });
}
