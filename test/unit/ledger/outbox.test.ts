import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../../src/ledger/journal.ts';
import type { NewAlert, OutboxPage, SinkRegistration } from '../../../src/ledger/outbox.ts';
import { UNDELIVERED_KEPT_MS } from '../../../src/ledger/outbox-rows.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { CORRECTING } from '../../support/authors.ts';
import { callRecord, openCallRecord } from '../../support/call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const DAY_MS = 86_400_000;
const LEASE_MS = 20_000;
const BILLING: SinkRegistration = { name: 'billing', streams: ['usage'] };
const PAGER: SinkRegistration = { name: 'pager', streams: ['alerts'] };

function alert(key: string): NewAlert {
  return {
    id: randomUUID(),
    dedupeKey: key,
    type: 'model.unpriced',
    team: null,
    occurredAt: '2026-11-22T12:00:00.000Z',
    data: { model: 'new-model' },
  };
}

const idsOf = (page: OutboxPage): string[] => page.events.map((event) => event.id);

async function settleThrough(journal: Journal, page: OutboxPage, sink = BILLING.name) {
  const last = page.events.at(-1);
  if (last === undefined) throw new Error('nothing to settle');
  return journal.outbox.settle({
    sink,
    nowMs: 1,
    through: { stream: last.stream, position: last.position },
    unparked: [],
    parked: [],
    delivered: true,
    error: null,
  });
}

describe('the stream of usage', () => {
  it('begins with what settles after the sink was made known', async () => {
    const journal = await openTestJournal();
    await journal.finish(callRecord());
    await journal.outbox.claim([BILLING], LEASE_MS);
    const after = callRecord();
    await journal.finish(after);
    expect(idsOf(await journal.outbox.nextPage(BILLING, 10))).toEqual([after.id]);
  });

  it('is in the order in which records get their end, and has none that is open or queued', async () => {
    const journal = await openTestJournal();
    await journal.outbox.claim([BILLING], LEASE_MS);
    const slow = openCallRecord();
    const background = callRecord({ ending: 'queued', usage: null });
    const quick = callRecord();
    journal.open(slow);
    await journal.finish(background);
    await journal.finish(quick);
    expect(idsOf(await journal.outbox.nextPage(BILLING, 10))).toEqual([quick.id]);

    await settleThrough(journal, await journal.outbox.nextPage(BILLING, 10));
    await journal.finish(callRecord({ id: background.id }));
    await journal.finish(callRecord({ id: slow.id }));
    const page = await journal.outbox.nextPage(BILLING, 10);
    expect(idsOf(page)).toEqual([background.id, slow.id]);
    expect(page.events[0]).toMatchObject({ stream: 'usage', record: { ending: 'completed' } });
  });

  it('has the records of every process that shares the folder', async () => {
    const dataDir = temporaryFolder();
    const [one, other] = [await openTestJournal({ dataDir }), await openTestJournal({ dataDir })];
    await one.outbox.claim([BILLING], LEASE_MS);
    const records = [callRecord(), callRecord(), callRecord()];
    await other.finish(records[1] ?? callRecord());
    await one.finish(records[0] ?? callRecord());
    await other.finish(records[2] ?? callRecord());
    expect(idsOf(await one.outbox.nextPage(BILLING, 10))).toEqual([1, 0, 2].map((n) => records[n]?.id));
  });

  it('goes on where it was after a restart', async () => {
    const dataDir = temporaryFolder();
    const first = await openTestJournal({ dataDir });
    await first.outbox.claim([BILLING], LEASE_MS);
    const records = [callRecord(), callRecord()];
    for (const record of records) await first.finish(record);
    await settleThrough(first, await first.outbox.nextPage(BILLING, 1));
    await first.close();
    const second = await openTestJournal({ dataDir });
    expect(await second.outbox.claim([BILLING], LEASE_MS)).toEqual(['billing']);
    expect(idsOf(await second.outbox.nextPage(BILLING, 10))).toEqual([records[1]?.id]);
  });
});

describe('the stream of corrections', () => {
  const BOTH: SinkRegistration = { name: 'finance', streams: ['usage', 'corrections'] };
  const correct = async (journal: Journal, record: CallRecord, costNanoUsd: number, expectedNanoUsd: number) => {
    const id = randomUUID();
    const correction = { id, recordId: record.id, expectedNanoUsd, costNanoUsd, priceId: 'new' };
    await journal.corrections.correct({ corrections: [correction], reason: 'r', ...CORRECTING, nowMs: 1 });
    return id;
  };
  const readAll = async (journal: Journal, sink: SinkRegistration, limit: number) => {
    const ids: string[] = [];
    for (;;) {
      const page = await journal.outbox.nextPage(sink, limit);
      if (page.events.length === 0) return ids;
      ids.push(...idsOf(page));
      await settleThrough(journal, page, sink.name);
    }
  };

  it.each([1, 2, 10])('has each after its call, in pages of %i', async (limit) => {
    const journal = await openTestJournal();
    const [before, first, second] = [callRecord(), callRecord(), callRecord()];
    await journal.finish(before);
    await correct(journal, before, 1, 2_345_600);
    await journal.outbox.claim([BOTH], LEASE_MS);
    const late = await correct(journal, before, 2, 1);
    await journal.finish(first);
    const ofFirst = await correct(journal, first, 3, 2_345_600);
    await journal.finish(second);
    const again = await correct(journal, first, 4, 3);
    const ofSecond = await correct(journal, second, 5, 2_345_600);
    const ids = await readAll(journal, BOTH, limit);
    expect(ids.toSorted()).toEqual([late, first.id, ofFirst, second.id, again, ofSecond].toSorted());
    for (const [call, correction] of [
      [first.id, ofFirst],
      [ofFirst, again],
      [second.id, ofSecond],
    ]) {
      expect(ids.indexOf(call ?? '')).toBeLessThan(ids.indexOf(correction ?? ''));
    }
    expect(await readAll(journal, BOTH, limit)).toEqual([]);
  });

  it('is sent to no sink that takes usage only, and is counted and parked like all others', async () => {
    const journal = await openTestJournal();
    const only: SinkRegistration = { name: 'corrections', streams: ['corrections'] };
    await journal.outbox.claim([BILLING, only], LEASE_MS);
    const record = callRecord();
    await journal.finish(record);
    const id = await correct(journal, record, 1, 2_345_600);
    expect(await readAll(journal, BILLING, 10)).toEqual([record.id]);
    const page = await journal.outbox.nextPage(only, 10);
    expect(page).toMatchObject({
      lane: 'corrections',
      events: [{ stream: 'corrections', id, correction: { delta_nano_usd: 1 - 2_345_600, record: { id: record.id } } }],
    });
    const standing = async () => (await journal.outbox.standings()).find(({ name }) => name === only.name);
    expect(await standing()).toMatchObject({ waiting: 1, oldestWaitingAt: '1970-01-01T00:00:00.001Z' });
    const [event] = page.events;
    if (event === undefined) throw new Error('There is no event.');
    await journal.outbox.settle({
      sink: only.name,
      nowMs: 2,
      through: { stream: 'corrections', position: event.position },
      unparked: [],
      parked: [{ stream: 'corrections', id, reason: 'HTTP 400' }],
      delivered: false,
      error: 'HTTP 400',
    });
    expect(await standing()).toMatchObject({ waiting: 0, parked: 1 });
    expect(await journal.outbox.retryParked(only.name)).toBe(1);
    expect(await journal.outbox.nextPage(only, 10)).toMatchObject({ lane: 'parked', events: [{ id }] });
  });
});

describe('the lease', () => {
  it('is with one of two processes, and goes to the other when it is given back', async () => {
    const dataDir = temporaryFolder();
    const [one, other] = [await openTestJournal({ dataDir }), await openTestJournal({ dataDir })];
    expect(await one.outbox.claim([BILLING], LEASE_MS)).toEqual(['billing']);
    expect(await other.outbox.claim([BILLING, PAGER], LEASE_MS)).toEqual(['pager']);
    await one.outbox.release();
    expect(await other.outbox.claim([BILLING], LEASE_MS)).toEqual(['billing']);
    expect(await one.outbox.claim([BILLING], LEASE_MS)).toEqual([]);
  });

  it('goes to another when it runs out, and the late one can settle nothing', async () => {
    const dataDir = temporaryFolder();
    let nowMs = Date.parse('2026-11-22T12:00:00.000Z');
    const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
    const one = await openTestJournal({ dataDir, clock });
    const other = await openTestJournal({ dataDir, clock });
    await one.outbox.claim([BILLING], LEASE_MS);
    const record = callRecord();
    await one.finish(record);
    const page = await one.outbox.nextPage(BILLING, 10);
    nowMs += LEASE_MS;
    expect(await other.outbox.claim([BILLING], LEASE_MS)).toEqual(['billing']);
    expect(await settleThrough(one, page)).toBe('lease_lost');
    expect(idsOf(await other.outbox.nextPage(BILLING, 10))).toEqual([record.id]);
  });
});

describe('parked events', () => {
  it('are passed by, shown, and come again only when an operator asks', async () => {
    const journal = await openTestJournal();
    await journal.outbox.claim([BILLING], LEASE_MS);
    const record = callRecord();
    await journal.finish(record);
    const [event] = (await journal.outbox.nextPage(BILLING, 1)).events;
    const parked = { stream: 'usage', id: record.id, reason: 'HTTP 400' } as const;
    await journal.outbox.settle({
      sink: 'billing',
      nowMs: 7,
      through: { stream: 'usage', position: event?.position ?? 0 },
      unparked: [],
      parked: [parked],
      delivered: false,
      error: 'HTTP 400',
    });
    expect(await journal.outbox.nextPage(BILLING, 10)).toEqual({ lane: 'usage', events: [] });
    expect(await journal.outbox.standings()).toMatchObject([
      { name: 'billing', waiting: 0, parked: 1, lastParked: { id: record.id, reason: 'HTTP 400', parkedAtMs: 7 } },
    ]);

    expect(await journal.outbox.retryParked('billing')).toBe(1);
    expect(await journal.outbox.retryParked('nobody')).toBeNull();
    const again = await journal.outbox.nextPage(BILLING, 10);
    expect([again.lane, idsOf(again)]).toEqual(['parked', [record.id]]);
    const done = { sink: 'billing', nowMs: 8, through: null, parked: [], delivered: true, error: null };
    await journal.outbox.settle({ ...done, unparked: [{ stream: 'usage', id: record.id }] });
    expect(await journal.outbox.standings()).toMatchObject([{ parked: 0, lastDeliveredAtMs: 8 }]);
  });
});

describe('alerts', () => {
  it('are kept once for a key, over restarts and processes, and delivered in order', async () => {
    const dataDir = temporaryFolder();
    const [one, other] = [await openTestJournal({ dataDir }), await openTestJournal({ dataDir })];
    await one.outbox.claim([PAGER], LEASE_MS);
    const first = alert('a');
    expect(await one.outbox.addAlert(first)).toBe('added');
    expect(await other.outbox.addAlert(alert('a'))).toBe('known');
    const second = alert('b');
    await other.outbox.addAlert(second);
    const page = await one.outbox.nextPage(PAGER, 10);
    expect([page.lane, idsOf(page)]).toEqual(['alerts', [first.id, second.id]]);
    expect(page.events[0]).toMatchObject({ alert: { type: 'model.unpriced', data: { model: 'new-model' } } });
  });
});

describe('retention', () => {
  const NOW_MS = Date.parse('2026-11-22T12:00:00.000Z');
  const RETENTION_MS = 90 * DAY_MS;
  const aged = (days: number) => callRecord({ started_at: new Date(NOW_MS - days * DAY_MS).toISOString() });

  async function openWithSink(ages: readonly number[]) {
    let nowMs = NOW_MS;
    const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
    const journal = await openTestJournal({ clock });
    await journal.outbox.claim([BILLING], LEASE_MS);
    const records = ages.map(aged);
    for (const record of records) await journal.finish(record);
    const pass = (ms: number) => {
      nowMs += ms;
    };
    return { journal, records, pass };
  }

  it('leaves what a sink waits for, and takes it once it is delivered', async () => {
    const { journal, records } = await openWithSink([100, 95]);
    expect(await journal.prune(NOW_MS - RETENTION_MS)).toMatchObject({ records: 0, undelivered: 0 });
    await settleThrough(journal, await journal.outbox.nextPage(BILLING, 1));
    expect(await journal.prune(NOW_MS - RETENTION_MS)).toMatchObject({ records: 1, undelivered: 0 });
    expect(idsOf(await journal.outbox.nextPage(BILLING, 10))).toEqual([records[1]?.id]);
  });

  it('waits no longer than its bound, and says how many were not delivered', async () => {
    const { journal, records } = await openWithSink([90 + 31, 90 + 29]);
    expect(await journal.prune(NOW_MS - RETENTION_MS)).toMatchObject({ records: 1, undelivered: 1 });
    expect(idsOf(await journal.outbox.nextPage(BILLING, 10))).toEqual([records[1]?.id]);
  });

  it('waits for no sink that has not been configured for as long', async () => {
    const { journal, pass } = await openWithSink([95]);
    pass(UNDELIVERED_KEPT_MS + 1);
    expect(await journal.prune(NOW_MS - RETENTION_MS)).toMatchObject({ records: 1, undelivered: 0 });
    expect(await journal.outbox.standings()).toEqual([]);
  });
});
