import type { DatabaseSync } from 'node:sqlite';
import { ALERT_TYPES, type AlertType } from '../../core/alert-events.ts';
import {
  type EventStream,
  MAX_WAITING_COUNTED,
  type OutboxEvent,
  type OutboxPage,
  type SinkRegistration,
  type SinkStanding,
} from '../outbox.ts';
import { RECORD_COLUMNS_SQL, recordOfRow } from '../record-columns.ts';
import { integer, integerOrNull, jsonObjectOrNull, oneOf, type Row, text, textOrNull } from '../row-values.ts';

const STREAMS: readonly EventStream[] = ['alerts', 'usage'];
const TYPES = Object.keys(ALERT_TYPES).filter((name): name is AlertType => Object.hasOwn(ALERT_TYPES, name));

/** What each stream is read from; `?` is the position after which to go on, and how many. */
const AFTER_POSITION: Readonly<Record<EventStream, string>> = {
  usage: `SELECT ${RECORD_COLUMNS_SQL}, settlement AS position FROM records
    WHERE settlement > ? ORDER BY settlement LIMIT ?`,
  alerts: `SELECT *, sequence AS position FROM alert_events WHERE sequence > ? ORDER BY sequence LIMIT ?`,
};
const PARKED: Readonly<Record<EventStream, string>> = {
  usage: `SELECT ${RECORD_COLUMNS_SQL}, 0 AS position FROM records WHERE id = ?`,
  alerts: `SELECT *, 0 AS position FROM alert_events WHERE id = ?`,
};
const WAITING: Readonly<Record<EventStream, string>> = {
  usage: `SELECT count(*) AS waiting FROM (SELECT 1 FROM records WHERE settlement > ? LIMIT ?)`,
  alerts: `SELECT count(*) AS waiting FROM (SELECT 1 FROM alert_events WHERE sequence > ? LIMIT ?)`,
};

/** As `Outbox.nextPage`. */
export function nextPage(database: DatabaseSync, sink: SinkRegistration, limit: number): OutboxPage {
  const parked = eventsToRetry(database, sink, limit);
  if (parked.length > 0) return { lane: 'parked', events: parked };
  for (const stream of STREAMS) {
    if (!sink.streams.includes(stream)) continue;
    const position = positionOf(database, sink.name, stream);
    if (position === null) continue;
    const rows = database.prepare(AFTER_POSITION[stream]).all(position, limit);
    if (rows.length > 0) return { lane: stream, events: rows.map((row) => eventOf(stream, row)) };
  }
  return { lane: 'usage', events: [] };
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
    return row === undefined ? [] : [eventOf(stream, row)];
  });
}

function positionOf(database: DatabaseSync, sink: string, stream: EventStream): number | null {
  const row = database.prepare('SELECT position FROM sink_positions WHERE sink = ? AND stream = ?').get(sink, stream);
  return row === undefined ? null : integer(row, 'position');
}

function eventOf(stream: EventStream, row: Row): OutboxEvent {
  const position = integer(row, 'position');
  const id = text(row, 'id');
  if (stream === 'usage') return { stream, id, position, record: recordOfRow(row) };
  const alert = {
    id,
    type: oneOf(row, 'type', TYPES),
    team: textOrNull(row, 'team'),
    occurredAt: text(row, 'occurred_at'),
    data: jsonObjectOrNull(row, 'data') ?? {},
  };
  return { stream, id, position, alert };
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
    const at = first === undefined ? null : textOrNull(first, stream === 'usage' ? 'ended_at' : 'occurred_at');
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
