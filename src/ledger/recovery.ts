import type { DatabaseSync } from 'node:sqlite';
import { forgetInstance, otherInstances } from './instance-lock.ts';
import { isoTime } from './iso-time.ts';
import type { JournalWriter } from './journal-writer.ts';
import { OPEN_CALLS_SQL } from './open-calls.ts';
import type { CallRecord } from './record.ts';
import { columnsOfRecord, RECORD_COLUMNS_SQL, recordOfRow } from './record-columns.ts';
import { RECOVERED } from './recovered-end.ts';
import type { SegmentReader } from './segment-reader.ts';

export interface RecoveryOptions {
  readonly database: DatabaseSync;
  readonly writer: JournalWriter;
  readonly segments: SegmentReader;
  readonly dataDir: string;
  readonly instanceId: string;
  readonly recoverOwn: boolean;
  readonly nowMs: number;
}

/**
 * The thread of a process may have died, and its lock with it, while its event loop still appends what was under way. So
 * the segments of the dead stay for so long.
 */
const SEGMENTS_KEPT_MS = 600_000;

/**
 * Gives every call that a dead instance left open its end, `interrupted`: what it used is not known. An instance is
 * dead when nobody holds its lock, or when its lock file is gone. `queued` responses live on at the upstream and stay.
 *
 * Must run under the startup lock. Running it again, or being killed in it, does no harm: a call gets one end only. If a
 * process still lives whose thread alone had died, the ends that it tells later take the place of these.
 *
 * @returns the records as they are now
 */
export function recoverDeadInstances(options: RecoveryOptions): CallRecord[] {
  const { alive, dead } = otherInstances(options.dataDir, options.instanceId);
  const living = options.recoverOwn ? alive : [...alive, options.instanceId];
  const isLiving = (instanceId: string): boolean => living.includes(instanceId);
  options.writer.book(isLiving); // what the dead have appended, too
  const records = openCalls(options.database, living).map((record) => interrupted(record, options.nowMs));
  const rows = records.map((record, position) => ({
    sequence: position,
    step: 'finish' as const,
    columns: columnsOfRecord(record),
  }));
  options.writer.write(rows);
  options.segments.removeOf((instanceId) => !isLiving(instanceId), options.nowMs - SEGMENTS_KEPT_MS);
  for (const instanceId of dead) forgetInstance(options.dataDir, instanceId);
  return records;
}

/** Also those in `records`: a process of a version before `open_calls` may have written beside this one. */
function openCalls(database: DatabaseSync, living: readonly string[]): CallRecord[] {
  const inRecords = `records INDEXED BY records_open WHERE ending IN ('in_flight', 'queued') AND ending = 'in_flight' AND`;
  const sources = [`${OPEN_CALLS_SQL} WHERE`, inRecords];
  return sources.flatMap((source) => {
    const sql = `SELECT ${RECORD_COLUMNS_SQL} FROM ${source} instance_id NOT IN (SELECT value FROM json_each(?))`;
    return database.prepare(sql).all(JSON.stringify(living)).map(recordOfRow);
  });
}

function interrupted(record: CallRecord, nowMs: number): CallRecord {
  return {
    ...record,
    ending: RECOVERED,
    error_code: RECOVERED,
    ended_at: isoTime(nowMs),
    duration_ms: null,
    usage_source: 'missing',
    usage: null,
    usage_raw: null,
    cost_nano_usd: null,
    cost_usd: null,
    price_id: null,
  };
}
