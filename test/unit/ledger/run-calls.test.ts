import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { firstIdAt } from '../../../src/core/ids.ts';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import type { RecordFilter } from '../../../src/ledger/ledger-reader.ts';
import { MIGRATIONS, migrate } from '../../../src/ledger/migrations.ts';
import { listRecords, recordsOfRun } from '../../../src/ledger/queries/records.ts';
import { usage } from '../../../src/ledger/queries/usage.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { columnsOfRecord } from '../../../src/ledger/record-columns.ts';
import { prune } from '../../../src/ledger/retention.ts';
import { RunCalls } from '../../../src/ledger/run-calls.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';
import { CALL_STARTED_MS, callRecord, openCallRecord } from '../../support/call-record.ts';

const DAY_MS = 86_400_000;
const RUN = { team: 'research', runId: 'run-1' };
const OF_RUN: RecordFilter = {
  team: RUN.team,
  runId: RUN.runId,
  keyId: null,
  sessionId: null,
  model: null,
  ending: null,
  startMs: null,
  endMs: null,
};

function openLedger(): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  onTestFinished(() => database.close());
  migrate(database, ':memory:');
  return database;
}

function write(database: DatabaseSync, records: readonly CallRecord[]): void {
  const rows = records.map((record, sequence) => ({
    sequence,
    step: record.ending === 'in_flight' ? ('open' as const) : ('finish' as const),
    columns: columnsOfRecord(record),
  }));
  expect(new BatchWriter(database, 'test').write(rows)).toEqual([]);
}

/** Makes it what the version before has left: the index, and neither table. */
function takeBack(database: DatabaseSync): void {
  database.exec(`DROP TABLE run_calls; DROP TABLE run_calls_through;
    CREATE INDEX records_by_run ON records (team, run_id, id) WHERE run_id IS NOT NULL`);
}

function bringUpToDate(database: DatabaseSync): void {
  MIGRATIONS.find(({ version }) => version === 15)?.up(database);
}

const queuedOf = (record: CallRecord): CallRecord => ({
  ...record,
  endpoint: 'responses',
  ending: 'queued',
  usage: null,
  usage_raw: null,
  usage_source: 'missing',
});
const isOfRun = ({ team, run_id }: CallRecord): boolean => team === RUN.team && run_id === RUN.runId;
const newestFirst = (a: CallRecord, b: CallRecord): number => (a.id < b.id ? 1 : -1);

function pagesOf(database: DatabaseSync, filter: RecordFilter, limit: number): CallRecord[] {
  const found: CallRecord[] = [];
  for (;;) {
    const page = listRecords(database, filter, { limit, beforeId: found.at(-1)?.id ?? null });
    found.push(...page);
    if (page.length < limit) return found;
  }
}

const TURNS = ['none', 'move', 'migrate'] as const;
const scripts = fc.array(
  fc.record({
    record: endedRecord,
    fate: fc.constantFrom('ended', 'ended', 'queued', 'queued, then ended'),
    turn: fc.constantFrom(...TURNS),
  }),
  { maxLength: 25 },
);

it('the calls of a run are found at any time, moved or not, whichever version has written them', () => {
  fc.assert(
    fc.property(scripts, fc.integer({ min: 1, max: 6 }), fc.nat({ max: 3 }), (script, limit, day) => {
      const database = openLedger();
      const known = new Map<string, CallRecord>();
      const put = (record: CallRecord): void => {
        write(database, [record]);
        known.set(record.id, record);
      };
      for (const { record, fate, turn } of script) {
        if (fate === 'ended') put(record);
        else put(queuedOf(record));
        if (turn === 'move') new RunCalls(database).move();
        if (turn === 'migrate') {
          takeBack(database);
          bringUpToDate(database);
        }
        if (fate === 'queued, then ended') put({ ...record, endpoint: 'responses' });
      }
      const inFlight = openCallRecord({ team: RUN.team, run_id: RUN.runId });
      put(inFlight);

      const all = [...known.values()].filter(isOfRun).sort(newestFirst);
      expect(pagesOf(database, OF_RUN, limit)).toEqual(all);
      const startMs = CALL_STARTED_MS + day * DAY_MS;
      const ofDay = { ...OF_RUN, startMs, endMs: startMs + DAY_MS };
      const within = ({ started_at }: CallRecord): boolean =>
        Date.parse(started_at) >= startMs && Date.parse(started_at) < startMs + DAY_MS;
      expect(pagesOf(database, ofDay, limit)).toEqual(all.filter(within));
      const completed = all.filter(({ ending }) => ending === 'completed');
      expect(pagesOf(database, { ...OF_RUN, ending: 'completed' }, limit)).toEqual(completed);

      const ended = all.filter(({ ending }) => ending !== 'queued' && ending !== 'in_flight');
      expect(recordsOfRun(database, RUN)).toEqual([...ended].reverse());
      const query = {
        startMs: CALL_STARTED_MS - DAY_MS,
        endMs: CALL_STARTED_MS + 9 * DAY_MS,
        bucket: '1h',
        groupBy: ['run_id'],
        filters: { team: [RUN.team], run_id: [RUN.runId] },
        includeEstimated: true,
      } as const;
      const rows = usage(database, query, CALL_STARTED_MS);
      expect(rows.reduce((sum, { records }) => sum + records, 0)).toBe(ended.length);
    }),
    { numRuns: 60 },
  );
});

describe('the calls of a run', () => {
  it('are let go of with their records, moved or not', async () => {
    const database = openLedger();
    const days = (count: number): string => new Date(CALL_STARTED_MS - count * DAY_MS).toISOString();
    const of = (started_at: string): CallRecord => callRecord({ team: RUN.team, run_id: RUN.runId, started_at });
    write(database, [of(days(100)), of(days(99)), of(days(1))]);
    new RunCalls(database).move();
    const [late, kept] = [of(days(98)), of(days(0))];
    write(database, [late, kept]);
    const { signal } = new AbortController();
    await prune(database, { beforeMs: CALL_STARTED_MS - 90 * DAY_MS, nowMs: CALL_STARTED_MS, signal });
    expect(recordsOfRun(database, RUN).map(({ started_at }) => started_at)).toEqual([days(1), days(0)]);
    const calls = new RunCalls(database);
    expect(calls.rows).toBe(2);
    calls.move();
    expect(calls.rows).toBe(0);
    expect(database.prepare('SELECT count(*) AS rows FROM run_calls').get()).toEqual({ rows: 2 });
    expect(recordsOfRun(database, RUN)).toHaveLength(2);
  });

  it('are read by their places, however long the list of other calls is', () => {
    const database = openLedger();
    const plans: string[] = [];
    const prepare = database.prepare.bind(database);
    database.prepare = (sql: string) => {
      const steps = prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
      plans.push(steps.map(({ detail }) => String(detail)).join('; '));
      return prepare(sql);
    };
    listRecords(database, OF_RUN, { limit: 10, beforeId: 'x' });
    const page = plans.at(-1);
    const ofRange = 'SEARCH run_calls USING PRIMARY KEY (team=? AND run_id=? AND id>? AND id<?)';
    expect(page).toContain(ofRange);
    expect(page).not.toContain('TEMP B-TREE');

    const startMs = CALL_STARTED_MS - DAY_MS;
    const filters = { team: [RUN.team, 'sales'], run_id: [RUN.runId, 'run-2'] };
    const endMs = CALL_STARTED_MS;
    usage(database, { startMs, endMs, bucket: '1h', groupBy: [], filters, includeEstimated: true }, CALL_STARTED_MS);
    expect(plans.at(-1)).toContain(ofRange);
  });

  it('are read between the ids that fit, and no others', () => {
    const database = openLedger();
    const prepare = database.prepare.bind(database);
    const read: unknown[][] = [];
    database.prepare = (sql: string) => {
      const statement = prepare(sql);
      if (!sql.includes('FROM run_calls\n')) return statement;
      statement.all = (...values) => {
        read.push(values);
        return [];
      };
      return statement;
    };
    const within = { ...OF_RUN, startMs: CALL_STARTED_MS, endMs: CALL_STARTED_MS + DAY_MS };
    const ids = [firstIdAt(within.startMs), firstIdAt(CALL_STARTED_MS + 5), firstIdAt(within.endMs)];
    for (const beforeId of [null, ids[1] ?? '']) listRecords(database, within, { limit: 10, beforeId });
    listRecords(database, within, { limit: 10, beforeId: firstIdAt(CALL_STARTED_MS + 2 * DAY_MS) });
    const ends = read.map((values) => values.slice(0, 4));
    expect(ends).toEqual([ids[2], ids[1], ids[2]].map((end) => [RUN.team, RUN.runId, ids[0], end]));
  });

  it('that is in flight is found where an earlier version left it among the records', () => {
    const database = openLedger();
    write(database, [queuedOf(callRecord({ team: RUN.team, run_id: RUN.runId }))]);
    database.exec(`UPDATE records SET ending = 'in_flight'`);
    for (const ending of [null, 'in_flight'] as const) {
      expect(listRecords(database, { ...OF_RUN, ending }, { limit: 10, beforeId: null })).toHaveLength(1);
    }
  });
});
