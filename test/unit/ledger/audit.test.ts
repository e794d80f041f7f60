import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { createIdGenerator } from '../../../src/core/ids.ts';
import type { AuditRow } from '../../../src/ledger/access-book.ts';
import type { Journal } from '../../../src/ledger/journal.ts';
import { CORRECTING } from '../../support/authors.ts';
import { CALL_STARTED_MS, callRecord } from '../../support/call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const AUTHOR = { actor: 'key:ops', requestId: 'r1', address: '127.0.0.1' };
const RUN = { team: 'research', runId: 'nightly-42' };
const EVERYTHING = { targetType: null, targetId: null, actor: null, action: null, startMs: null, endMs: null };
const nextId = createIdGenerator();

/** The oldest first, without their numbers and times. */
async function auditOf(journal: Journal): Promise<Omit<AuditRow, 'id' | 'at'>[]> {
  const rows = await journal.access.audit(EVERYTHING, { limit: 100, beforeId: null });
  return rows.reverse().map(({ id: _id, at: _at, ...entry }) => entry);
}

/** A ledger whose audit cannot be written. */
async function withoutAudit(): Promise<Journal> {
  const dataDir = temporaryFolder();
  const journal = await openTestJournal({ dataDir });
  const database = new DatabaseSync(join(dataDir, 'metertap.db'));
  database.exec(`CREATE TRIGGER no_entry BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END`);
  database.close();
  return journal;
}

const propose = (recordId: string, costNanoUsd: number, expectedNanoUsd: number | null) => ({
  id: nextId(CALL_STARTED_MS),
  recordId,
  expectedNanoUsd,
  costNanoUsd,
  priceId: 'new',
});

describe('a declared run', () => {
  it('is in the audit with what it was and is, where that has changed', async () => {
    const journal = await openTestJournal();
    const limits = [{ requests: 5, per: 'run' }];
    await journal.reader.declareRun(RUN, { limits }, AUTHOR);
    await journal.reader.declareRun(RUN, { limits }, AUTHOR);
    await journal.reader.declareRun(RUN, { limits: [], labels: { a: 'b' } }, AUTHOR);
    const who = { actor: 'key:ops', request_id: 'r1', address: '127.0.0.1' };
    const target = { action: 'run.declare', target_type: 'run', target_id: 'nightly-42', team: 'research', ...who };
    const first = { parent_run_id: null, labels: {}, limits };
    const second = { parent_run_id: null, labels: { a: 'b' }, limits: [] };
    expect(await auditOf(journal)).toEqual([
      { ...target, before: null, after: first },
      { ...target, before: first, after: second },
    ]);
  });

  it('has its calls before it: they were nothing that was declared', async () => {
    const journal = await openTestJournal();
    await journal.finish(callRecord());
    await journal.reader.declareRun(RUN, { limits: [{ requests: 1 }] }, AUTHOR);
    expect(await auditOf(journal)).toMatchObject([{ before: { limits: [] }, after: { limits: [{ requests: 1 }] } }]);
  });

  it('is not declared without its entry', async () => {
    const journal = await withoutAudit();
    await expect(journal.reader.declareRun(RUN, { limits: [] }, AUTHOR)).rejects.toMatchObject({
      code: 'ledger_unavailable',
    });
    expect(await journal.reader.run(RUN)).toBeNull();
  });
});

describe('corrections', () => {
  it('are in the audit with what was asked for, how many there were and what they add', async () => {
    const journal = await openTestJournal();
    const [mine, theirs, same] = [callRecord(), callRecord({ team: 'sales' }), callRecord()];
    for (const record of [mine, theirs, same]) await journal.finish(record);
    const corrections = [
      propose(mine.id, 2_000_000, mine.cost_nano_usd),
      propose(theirs.id, 2_345_601, theirs.cost_nano_usd),
      propose(same.id, 7, 1),
    ];
    const asked = { ...CORRECTING.asked, model: 'gpt-5*' };
    const batch = { corrections, reason: 'contract', asked, author: AUTHOR, nowMs: CALL_STARTED_MS };
    await journal.corrections.correct(batch);
    await journal.corrections.correct(batch); // changes nothing any more
    expect(await auditOf(journal)).toEqual([
      {
        actor: 'key:ops',
        action: 'costs.correct',
        target_type: 'corrections',
        target_id: '2026-01-01T00:00:00.000Z/2027-01-01T00:00:00.000Z',
        team: null,
        before: null,
        after: {
          reason: 'contract',
          asked: { team: null, model: 'gpt-5*', upstream: null },
          corrections: 2,
          corrections_usd: '-0.000345599',
          teams: ['research', 'sales'],
          first_correction_id: corrections[0]?.id,
          last_correction_id: corrections[1]?.id,
        },
        request_id: 'r1',
        address: '127.0.0.1',
      },
    ]);
  });

  it('are not made without their entry', async () => {
    const journal = await withoutAudit();
    const record = callRecord();
    await journal.finish(record);
    const corrections = [propose(record.id, 1, record.cost_nano_usd)];
    await expect(
      journal.corrections.correct({ corrections, reason: 'r', ...CORRECTING, nowMs: CALL_STARTED_MS }),
    ).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(await journal.corrections.correctionsOf([record.id])).toEqual([]);
  });
});

it('notes changes that are made elsewhere, and says where it cannot', async () => {
  const entry = { action: 'configuration.reload', target: 'configuration', id: 'file', team: null } as const;
  const change = { ...entry, before: null, after: { changed: ['prices'] } };
  const journal = await openTestJournal();
  await journal.access.noteChange(change, AUTHOR);
  expect(await auditOf(journal)).toMatchObject([
    { action: 'configuration.reload', target_type: 'configuration', target_id: 'file', after: { changed: ['prices'] } },
  ]);
  const broken = await withoutAudit();
  await expect(broken.access.noteChange(change, AUTHOR)).rejects.toMatchObject({ code: 'ledger_unavailable' });
});
