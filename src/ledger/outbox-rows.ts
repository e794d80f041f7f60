import type { DatabaseSync } from 'node:sqlite';
import { inTransaction } from './database.ts';
import type { EventStream, NewAlert, Settlement, SinkRegistration } from './outbox.ts';
import { integer, text } from './row-values.ts';

/** How long an undelivered record outlives its retention, and how long a sink that no process names is remembered. */
export const UNDELIVERED_KEPT_MS = 30 * 86_400_000;
/** Longer than any window of a limit but `forever`. */
const ALERTS_KEPT_MS = 400 * 86_400_000;

export interface ClaimInput {
  readonly sinks: readonly SinkRegistration[];
  readonly nowMs: number;
  readonly leaseMs: number;
}

/** As `Outbox.claim`. `isGone` tells whether an instance has ended without giving its leases back. */
export function claimSinks(
  database: DatabaseSync,
  input: ClaimInput & { readonly instanceId: string },
  isGone: (instanceId: string) => boolean,
): string[] {
  return inTransaction(database, () => {
    for (const sink of input.sinks) register(database, sink, input.nowMs);
    return input.sinks.map(({ name }) => name).filter((name) => takeLease(database, name, input, isGone));
  });
}

const END_OF_STREAM: Readonly<Record<EventStream, string>> = {
  usage: 'SELECT last AS position FROM settlement_counter',
  corrections: 'SELECT last AS position FROM settlement_counter',
  alerts: 'SELECT coalesce(max(sequence), 0) AS position FROM alert_events',
};

function register(database: DatabaseSync, { name, streams }: SinkRegistration, nowMs: number): void {
  database.prepare(`INSERT OR IGNORE INTO sinks VALUES (?, '', 0, NULL, NULL, NULL)`).run(name);
  for (const stream of streams) {
    const end = database.prepare(END_OF_STREAM[stream]).get();
    const sql = `INSERT INTO sink_positions (sink, stream, position, seen_at_ms) VALUES (?, ?, ?, ?)
      ON CONFLICT (sink, stream) DO UPDATE SET seen_at_ms = excluded.seen_at_ms`;
    database.prepare(sql).run(name, stream, end ? integer(end, 'position') : 0, nowMs);
  }
}

function takeLease(
  database: DatabaseSync,
  name: string,
  { instanceId, nowMs, leaseMs }: ClaimInput & { readonly instanceId: string },
  isGone: (instanceId: string) => boolean,
): boolean {
  const row = database.prepare('SELECT lease_holder, lease_until_ms FROM sinks WHERE name = ?').get(name);
  const holder = row ? text(row, 'lease_holder') : '';
  const isOver = row === undefined || integer(row, 'lease_until_ms') <= nowMs;
  if (holder !== '' && holder !== instanceId && !isOver && !isGone(holder)) return false;
  const sql = 'UPDATE sinks SET lease_holder = ?, lease_until_ms = ? WHERE name = ?';
  database.prepare(sql).run(instanceId, nowMs + leaseMs, name);
  return true;
}

/** As `Outbox.release`. */
export function releaseSinks(database: DatabaseSync, instanceId: string): null {
  database.prepare(`UPDATE sinks SET lease_holder = '', lease_until_ms = 0 WHERE lease_holder = ?`).run(instanceId);
  return null;
}

/** As `Outbox.settle`. */
export function settleDelivery(
  database: DatabaseSync,
  settlement: Settlement,
  instanceId: string,
): 'settled' | 'lease_lost' {
  return inTransaction(database, () => {
    const { sink, nowMs, through, error } = settlement;
    const sql = `UPDATE sinks SET last_error = coalesce(?, last_error), last_error_at_ms = coalesce(?, last_error_at_ms),
      last_delivered_at_ms = coalesce(?, last_delivered_at_ms) WHERE name = ? AND lease_holder = ?`;
    const values = [error, error === null ? null : nowMs, settlement.delivered ? nowMs : null];
    const { changes } = database.prepare(sql).run(...values, sink, instanceId);
    if (changes === 0) return 'lease_lost';
    park(database, settlement);
    if (through !== null) {
      const move = 'UPDATE sink_positions SET position = max(position, ?) WHERE sink = ? AND stream = ?';
      database.prepare(move).run(through.position, sink, through.stream);
    }
    return 'settled';
  });
}

function park(database: DatabaseSync, { sink, nowMs, parked, unparked }: Settlement): void {
  const remove = database.prepare('DELETE FROM parked_events WHERE sink = ? AND stream = ? AND event_id = ?');
  for (const { stream, id } of unparked) remove.run(sink, stream, id);
  const add = database.prepare(
    `INSERT INTO parked_events (sink, stream, event_id, reason, parked_at_ms, retry) VALUES (?, ?, ?, ?, ?, 0)
      ON CONFLICT DO UPDATE SET reason = excluded.reason, parked_at_ms = excluded.parked_at_ms, retry = 0`,
  );
  for (const { stream, id, reason } of parked) add.run(sink, stream, id, reason, nowMs);
}

/** As `Outbox.retryParked`. Events whose record is gone cannot be sent any more, and are forgotten. */
export function retryParked(database: DatabaseSync, sink: string): number | null {
  if (database.prepare('SELECT 1 AS found FROM sinks WHERE name = ?').get(sink) === undefined) return null;
  return inTransaction(database, () => {
    forgetParkedWithoutEvent(database);
    return Number(database.prepare('UPDATE parked_events SET retry = 1 WHERE sink = ?').run(sink).changes);
  });
}

/** As `Outbox.addAlert`. */
export function addAlert(database: DatabaseSync, alert: NewAlert): 'added' | 'known' {
  const sql = `INSERT INTO alert_events (id, dedupe_key, type, team, occurred_at, data) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`;
  const values = [alert.id, alert.dedupeKey, alert.type, alert.team, alert.occurredAt, JSON.stringify(alert.data)];
  return database.prepare(sql).run(...values).changes === 0 ? 'known' : 'added';
}

/** The position that all sinks have passed in the stream of usage; null where no sink holds any record. */
export function passedByAllSinks(database: DatabaseSync): number | null {
  const row = database.prepare(`SELECT min(position) AS position FROM sink_positions WHERE stream = 'usage'`).get();
  return row === undefined || row['position'] === null ? null : integer(row, 'position');
}

/** Forgets sinks that no process has named for long, alerts past their time, and what was parked of records now gone. */
export function pruneOutbox(database: DatabaseSync, nowMs: number): void {
  inTransaction(database, () => {
    database.prepare('DELETE FROM sink_positions WHERE seen_at_ms < ?').run(nowMs - UNDELIVERED_KEPT_MS);
    database.exec('DELETE FROM sinks WHERE name NOT IN (SELECT sink FROM sink_positions)');
    database.exec('DELETE FROM parked_events WHERE sink NOT IN (SELECT name FROM sinks)');
    const before = new Date(nowMs - ALERTS_KEPT_MS).toISOString();
    database.prepare('DELETE FROM alert_events WHERE occurred_at < ?').run(before);
    forgetParkedWithoutEvent(database);
  });
}

function forgetParkedWithoutEvent(database: DatabaseSync): void {
  database.exec(
    `DELETE FROM parked_events WHERE stream = 'usage' AND NOT EXISTS (SELECT 1 FROM records WHERE id = event_id);
     DELETE FROM parked_events WHERE stream = 'corrections' AND NOT EXISTS (SELECT 1 FROM corrections WHERE id = event_id);
     DELETE FROM parked_events WHERE stream = 'alerts' AND NOT EXISTS (SELECT 1 FROM alert_events WHERE id = event_id);`,
  );
}
