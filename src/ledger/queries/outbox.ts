import type { DatabaseSync } from 'node:sqlite';
import { ALERT_TYPES, type AlertType } from '../../core/alert-events.ts';
import {
  type EventStream,
  MAX_WAITING_COUNTED,
  type OutboxEvent,
  type OutboxPage,
  type SinkRegistration,
  type SinkStanding,
  type StoredAlert,
} from '../outbox.ts';
import { RECORD_COLUMNS_SQL, recordOfRow } from '../record-columns.ts';
import { integer, integerOrNull, jsonObjectOrNull, oneOf, type Row, text, textOrNull } from '../row-values.ts';
import { SETTLED_CORRECTION_SQL, settledCorrectionsOf } from './corrections.ts';

const STREAMS: readonly EventStream[] = ['alerts', 'usage', 'corrections'];
const TYPES = Object.keys(ALERT_TYPES).filter((name): name is AlertType => Object.hasOwn(ALERT_TYPES, name));

/** What each stream is read from; `?` is the position after which to go on, and how many. */
const AFTER_POSITION: Readonly<Record<EventStream, string>> = {
  usage: `SELECT ${RECORD_COLUMNS_SQL}, settlement AS position FROM records
    WHERE settlement > ? ORDER BY settlement LIMIT ?`,
  corrections: `SELECT ${SETTLED_CORRECTION_SQL}, settlement AS position FROM corrections
    WHERE settlement > ? ORDER BY settlement LIMIT ?`,
  alerts: `SELECT *, sequence AS position FROM alert_events WHERE sequence > ? ORDER BY sequence LIMIT ?`,
};
const PARKED: Readonly<Record<EventStream, string>> = {
  usage: `SELECT ${RECORD_COLUMNS_SQL}, 0 AS position FROM records WHERE id = ?`,
  corrections: `SELECT ${SETTLED_CORRECTION_SQL}, 0 AS position FROM corrections WHERE id = ?`,
  alerts: `SELECT *, 0 AS position FROM alert_events WHERE id = ?`,
};
const WAITING: Readonly<Record<EventStream, string>> = {
  usage: `SELECT count(*) AS waiting FROM (SELECT 1 FROM records WHERE settlement > ? LIMIT ?)`,
  corrections: `SELECT count(*) AS waiting FROM (SELECT 1 FROM corrections WHERE settlement > ? LIMIT ?)`,
  alerts: `SELECT count(*) AS waiting FROM (SELECT 1 FROM alert_events WHERE sequence > ? LIMIT ?)`,
};

const TIME_COLUMN: Readonly<Record<EventStream, string>> = {
  usage: 'ended_at',
  corrections: 'created_at',
  alerts: 'occurred_at',
};

/** As `Outbox.nextPage`. */
export function nextPage(database: DatabaseSync, sink: SinkRegistration, limit: number): OutboxPage {
  const parked = eventsToRetry(database, sink, limit);
  if (parked.length > 0) return { lane: 'parked', events: parked };
  const alerts = rowsAfter(database, sink, { stream: 'alerts', limit });
  if (alerts.length > 0) return { lane: 'alerts', events: eventsOf(database, 'alerts', alerts) };
  const calls = rowsAfter(database, sink, { stream: 'usage', limit });
  const corrections = before(calls[0], rowsAfter(database, sink, { stream: 'corrections', limit }));
  return corrections.length > 0
    ? { lane: 'corrections', events: eventsOf(database, 'corrections', corrections) }
    : { lane: 'usage', events: eventsOf(database, 'usage', calls) };
}

function rowsAfter(
  database: DatabaseSync,
  sink: SinkRegistration,
  { stream, limit }: { readonly stream: EventStream; readonly limit: number },
): Row[] {
  const position = sink.streams.includes(stream) ? positionOf(database, sink.name, stream) : null;
  return position === null ? [] : database.prepare(AFTER_POSITION[stream]).all(position, limit);
}

/** Calls and corrections are numbered in one row: what comes before the next call is of calls that have gone out. */
function before(call: Row | undefined, corrections: readonly Row[]): readonly Row[] {
  if (call === undefined) return corrections;
  const position = integer(call, 'position');
  return corrections.filter((row) => integer(row, 'position') < position);
}

/** As `Outbox.standings`. */
export function standings(database: DatabaseSync, nowMs: number): SinkStanding[] {
  const rows = database.prepare('SELECT * FROM sinks ORDER BY name').all();
  return rows.map((row) => standingOf(database, row, nowMs));
}

function eventsToRetry(database: DatabaseSync, sink: SinkRegistration, limit: number): OutboxEvent[] {
  const keys = database
    .prepare('SELECT stream, event_id FROM parked_events WHERE sink = ? AND retry = 1 LIMIT ?')
    .all(sink.name, limit);
  return keys.flatMap((key) => {
    const stream = oneOf(key, 'stream', STREAMS);
    const row = database.prepare(PARKED[stream]).get(text(key, 'event_id'));
    return row === undefined ? [] : eventsOf(database, stream, [row]);
  });
}

function positionOf(database: DatabaseSync, sink: string, stream: EventStream): number | null {
  const row = database.prepare('SELECT position FROM sink_positions WHERE sink = ? AND stream = ?').get(sink, stream);
  return row === undefined ? null : integer(row, 'position');
}

function eventsOf(database: DatabaseSync, stream: EventStream, rows: readonly Row[]): OutboxEvent[] {
  if (stream === 'corrections') return correctionEvents(database, rows);
  return rows.map((row) => {
    const of = { id: text(row, 'id'), position: integer(row, 'position') };
    return stream === 'usage' ? { stream, ...of, record: recordOfRow(row) } : { stream, ...of, alert: alertOf(row) };
  });
}

function correctionEvents(database: DatabaseSync, rows: readonly Row[]): OutboxEvent[] {
  const positions = new Map(rows.map((row) => [text(row, 'id'), integer(row, 'position')]));
  return settledCorrectionsOf(database, rows).map((correction) => {
    const { id } = correction;
    return { stream: 'corrections', id, position: positions.get(id) ?? 0, correction };
  });
}

function alertOf(row: Row): StoredAlert {
  return {
    id: text(row, 'id'),
    type: oneOf(row, 'type', TYPES),
    team: textOrNull(row, 'team'),
    occurredAt: text(row, 'occurred_at'),
    data: jsonObjectOrNull(row, 'data') ?? {},
  };
}

function standingOf(database: DatabaseSync, row: Row, nowMs: number): SinkStanding {
  const name = text(row, 'name');
  const holder = text(row, 'lease_holder');
  const streams = STREAMS.filter((stream) => positionOf(database, name, stream) !== null);
  const parked = database.prepare('SELECT count(*) AS parked FROM parked_events WHERE sink = ?').get(name);
  return {
    name,
    streams,
    holder: holder === '' || integer(row, 'lease_until_ms') <= nowMs ? null : holder,
    ...waitingOf(database, name, streams),
    parked: parked === undefined ? 0 : integer(parked, 'parked'),
    lastParked: lastParkedOf(database, name),
    lastError: textOrNull(row, 'last_error'),
    lastErrorAtMs: integerOrNull(row, 'last_error_at_ms'),
    lastDeliveredAtMs: integerOrNull(row, 'last_delivered_at_ms'),
  };
}

function waitingOf(
  database: DatabaseSync,
  sink: string,
  streams: readonly EventStream[],
): Pick<SinkStanding, 'waiting' | 'oldestWaitingAt'> {
  let waiting = 0;
  let oldestWaitingAt: string | null = null;
  for (const stream of streams) {
    const position = positionOf(database, sink, stream) ?? 0;
    const counted = database.prepare(WAITING[stream]).get(position, MAX_WAITING_COUNTED);
    waiting += counted === undefined ? 0 : integer(counted, 'waiting');
    const [first] = database.prepare(AFTER_POSITION[stream]).all(position, 1);
    const at = first === undefined ? null : textOrNull(first, TIME_COLUMN[stream]);
    if (at !== null && (oldestWaitingAt === null || at < oldestWaitingAt)) oldestWaitingAt = at;
  }
  return { waiting, oldestWaitingAt };
}

function lastParkedOf(database: DatabaseSync, sink: string): SinkStanding['lastParked'] {
  const sql = `SELECT event_id, reason, parked_at_ms FROM parked_events WHERE sink = ?
    ORDER BY parked_at_ms DESC, event_id DESC LIMIT 1`;
  const row = database.prepare(sql).get(sink);
  if (row === undefined) return null;
  return { id: text(row, 'event_id'), reason: text(row, 'reason'), parkedAtMs: integer(row, 'parked_at_ms') };
}
