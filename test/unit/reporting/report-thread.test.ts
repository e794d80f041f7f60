import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import { Cursors } from '../../../src/reporting/list-page.ts';
import { ReportDesk } from '../../../src/reporting/report-desk.ts';
import { type ReportQuestion, reportPage } from '../../../src/reporting/report-question.ts';
import { ReportThread } from '../../../src/reporting/report-thread.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const NOON_MS = Date.UTC(2026, 10, 22, 12);
const DAY_MS = 86_400_000;
const cursors = new Cursors('of this test');
const page = reportPage({ limit: 3, position: null, cursors });
const RUN = { team: 'research', runId: 'run-of-this-test' };
const range = { startMs: NOON_MS - 2 * DAY_MS, endMs: NOON_MS + DAY_MS };

/** One of each report. */
const QUESTIONS: readonly ReportQuestion[] = [
  {
    report: 'organization_usage',
    kind: 'completions',
    asked: {
      range: { ...range, bucket: '1d' },
      groupBy: ['project_id', 'user_id', 'model'],
      filters: {},
      batch: null,
      includeEstimated: false,
    },
    page,
    nowMs: NOON_MS,
  },
  {
    report: 'organization_costs',
    asked: { range: { ...range, bucket: '1d' }, groupBy: ['line_item'], filters: {}, lineItems: [] },
    page,
    nowMs: NOON_MS,
  },
  { report: 'organization_users', team: null, list: { limit: 10, after: null }, nowMs: NOON_MS },
  {
    report: 'usage',
    query: { ...range, bucket: '1d', groupBy: ['agent'], filters: {}, includeEstimated: true },
    page,
    nowMs: NOON_MS,
  },
];

const ONE_RUN: ReportQuestion = {
  report: 'run',
  run: RUN,
  includeChildren: true,
  limits: [{ as: 'they stand' }],
  nowMs: NOON_MS,
};

async function makeLedger(): Promise<{ dataDir: string; desk: ReportDesk }> {
  const dataDir = temporaryFolder();
  const clock = { nowMs: () => NOON_MS, monotonicMs: () => performance.now() };
  const journal = await openTestJournal({ dataDir, clock });
  const records = Array.from({ length: 20 }, (_, n) => {
    const started_at = new Date(NOON_MS - n * 3_600_000).toISOString();
    return makeCallRecord(n, {
      started_at,
      user: n % 2 === 0 ? `user-${n % 3}` : null,
      team: RUN.team,
      run_id: RUN.runId,
    });
  });
  await Promise.all(records.map((record) => journal.finish(record)));
  return { dataDir, desk: new ReportDesk(() => journal.reader) };
}

function openThread(dataDir: string, idleMs?: number): ReportThread {
  const thread = new ReportThread({
    dataDir,
    book: () => Promise.resolve(),
    ...(idleMs === undefined ? {} : { idleMs }),
  });
  onTestFinished(() => thread.close());
  return thread;
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

it('answers each report as this thread would', async () => {
  const { dataDir, desk } = await makeLedger();
  const thread = openThread(dataDir);
  const [here, there] = await Promise.all(
    [desk, thread].map((reports) => Promise.all([...QUESTIONS, ONE_RUN].map((question) => reports.answer(question)))),
  );
  expect(there?.map(textOf)).toEqual(here?.map(textOf));
  const [run, ...pages] = (there ?? []).map((json) => JSON.parse(textOf(json))).reverse();
  for (const { data } of pages) expect(data.length).toBeGreaterThan(0);
  expect(run).toMatchObject({ run_id: RUN.runId, limits: [{ as: 'they stand' }] });
  expect(run.usage.request_usage_entries).toHaveLength(20);
});

it('refuses a cursor that is none of the report, and says which parameter it is', async () => {
  const { dataDir } = await makeLedger();
  const query = { ...range, bucket: '1d' as const, groupBy: [], filters: {}, includeEstimated: true };
  const forged = { limit: 3, position: ['never', 'was'], cursors: cursors.plain };
  const answer = openThread(dataDir).answer({ report: 'usage', query, page: forged, nowMs: NOON_MS });
  await expect(answer).rejects.toMatchObject({ code: 'invalid_parameter', param: 'cursor' });
});

it('says that nobody has heard of a run', async () => {
  const { dataDir } = await makeLedger();
  const answer = openThread(dataDir).answer({ ...ONE_RUN, run: { team: 'research', runId: 'unheard-of' } });
  await expect(answer).rejects.toMatchObject({ code: 'not_found', message: 'There is no run "unheard-of".' });
});

it('says that the ledger cannot be read where its file is none', async () => {
  const dataDir = temporaryFolder();
  writeFileSync(join(dataDir, 'metertap.db'), 'this is no database, whatever its name may say'.repeat(100));
  const [question] = QUESTIONS;
  if (question === undefined) throw new Error('there are questions');
  await expect(openThread(dataDir).answer(question)).rejects.toMatchObject({ code: 'ledger_unavailable' });
});

it('ends its thread when nobody asks for a while, and answers again with another one', async () => {
  const { dataDir } = await makeLedger();
  const threads: Worker[] = [];
  const note = (worker: Worker) => threads.push(worker);
  process.on('worker', note);
  onTestFinished(() => void process.off('worker', note));
  const thread = openThread(dataDir, 5);
  const [question] = QUESTIONS;
  if (question === undefined) throw new Error('there are questions');

  for (const time of [1, 2]) {
    expect((await thread.answer(question)).byteLength).toBeGreaterThan(100);
    expect(threads).toHaveLength(time);
    const [worker] = threads.slice(-1);
    if (worker !== undefined && worker.threadId > 0) await once(worker, 'exit');
  }
});
