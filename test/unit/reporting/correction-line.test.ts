import { expect, it } from 'vitest';
import { createIdGenerator } from '../../../src/core/ids.ts';
import type { SettledEntry } from '../../../src/ledger/ledger-reader.ts';
import { focusCsv, JSON_LINES, recordCsv } from '../../../src/reporting/export-format.ts';
import { FOCUS_VERSIONS, focusColumns } from '../../../src/reporting/focus-columns.ts';
import { FOCUS_CORRECTION_VALUES } from '../../../src/reporting/focus-correction.ts';
import { CORRECTING } from '../../support/authors.ts';
import { CALL_STARTED_MS, callRecord } from '../../support/call-record.ts';
import { csvObjects } from '../../support/parse-csv.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const ALL = {
  team: null,
  keyId: null,
  runId: null,
  sessionId: null,
  model: null,
  ending: null,
  startMs: null,
  endMs: null,
};
const NO_PRICES = { itemise: () => null, providerOf: () => null };

/** The correction of a call that retention has removed since. */
async function orphan(): Promise<SettledEntry[]> {
  const nowMs = CALL_STARTED_MS + 100 * 86_400_000;
  const journal = await openTestJournal({ clock: { nowMs: () => nowMs, monotonicMs: () => performance.now() } });
  const record = callRecord();
  await journal.finish(record);
  const id = createIdGenerator()(nowMs);
  const correction = { id, recordId: record.id, expectedNanoUsd: record.cost_nano_usd, costNanoUsd: 9, priceId: 'new' };
  await journal.corrections.correct({ corrections: [correction], reason: 'r', ...CORRECTING, nowMs });
  await journal.prune(nowMs);
  const { entries } = await journal.reader.settledEntries(ALL, { after: 0, through: 100, limit: 100 });
  return entries;
}

it('outlives the record, and then says what it has kept itself', async () => {
  const [entry, ...others] = await orphan();
  expect(others).toEqual([]);
  if (entry?.kind !== 'correction') throw new Error('The correction is not there.');
  const { correction } = entry;
  expect(correction.record).toBeNull();
  const line = JSON.parse(JSON_LINES.linesOf(entry));
  expect(line).toMatchObject({
    record_type: 'correction',
    team: 'research',
    run_id: 'nightly-42',
    session_id: null,
    labels: {},
    endpoint: null,
    request_model: null,
    response_model: 'gpt-5-mini-2026-02-01',
    cost_nano_usd: 9 - 2_345_600,
  });
  const csv = recordCsv(true);
  const [row] = csvObjects(csv.header + csv.linesOf(entry));
  expect(row).toMatchObject({
    id: correction.id,
    record_id: correction.record_id,
    response_model: line.response_model,
  });
  for (const version of FOCUS_VERSIONS) {
    const focus = focusCsv({ version, sources: NO_PRICES, keepsFormulas: true });
    const [charge] = csvObjects(focus.header + focus.linesOf(entry));
    expect(charge).toMatchObject({ ServiceName: 'openai API', Tags: null, x_Model: line.response_model });
  }
});

it('fills columns of FOCUS that there are', () => {
  const names = focusColumns('1.2').map(({ name }) => name);
  expect(Object.keys(FOCUS_CORRECTION_VALUES).filter((name) => !names.includes(name))).toEqual([]);
});
