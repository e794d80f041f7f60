/**
 * The outbox: which events have gone to which sink.
 *
 * - `sink_positions` says how far each sink has come in each stream: in `records.settlement` (`settlement.ts`), so that no
 *   record is copied, in `corrections.settlement`, and in `alert_events.sequence`; `seen_at_ms` when a process was last configured so.
 * - `sinks` says which process delivers, until when, and how the last delivery went.
 * - `parked_events` were refused for good; `retry` 1 where an operator wants them sent again.
 * - `alert_events` are kept with their keys for longer than any window, so that none is published twice.
 */
export const OUTBOX_SCHEMA = `
CREATE TABLE sinks (
  name TEXT PRIMARY KEY NOT NULL,
  lease_holder TEXT NOT NULL,
  lease_until_ms INTEGER NOT NULL,
  last_error TEXT,
  last_error_at_ms INTEGER,
  last_delivered_at_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE sink_positions (
  sink TEXT NOT NULL,
  stream TEXT NOT NULL,
  position INTEGER NOT NULL,
  seen_at_ms INTEGER NOT NULL,
  PRIMARY KEY (sink, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE parked_events (
  sink TEXT NOT NULL,
  stream TEXT NOT NULL,
  event_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  parked_at_ms INTEGER NOT NULL,
  retry INTEGER NOT NULL,
  PRIMARY KEY (sink, stream, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX parked_to_retry ON parked_events (sink) WHERE retry = 1;
CREATE TABLE alert_events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  dedupe_key TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  team TEXT,
  occurred_at TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;
`;
