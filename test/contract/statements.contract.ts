import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIdGenerator } from '../../src/core/ids.ts';
import { parseSignedUsd } from '../../src/core/money.ts';
import type { CorrectionBook } from '../../src/ledger/correction.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { nextPeriod, periodStartMs } from '../../src/ledger/period.ts';
import type { CallRecord } from '../../src/ledger/record.ts';
import type { StatementBook } from '../../src/ledger/statement.ts';
import { closeStatement, statementDocument, statementMonths } from '../../src/reporting/statement-report.ts';
import { CORRECTING } from '../support/authors.ts';
import { callRecord, openCallRecord } from '../support/call-record.ts';

export interface StatedLedgerUnderTest {
  readonly ledger: Ledger;
  readonly corrections: CorrectionBook;
  readonly statements: StatementBook;
  close(): Promise<void>;
}

const MONTHS = ['2026-08', '2026-09', '2026-10', '2026-11'] as const;
const TEAMS = ['research', 'sales'] as const;
const NOW_MS = Date.UTC(2026, 11, 5);
const nextId = createIdGenerator();
const AUTHOR = { actor: 'admin', requestId: 'r', address: null };

const call = fc.record({
  kind: fc.constant('call' as const),
  team: fc.constantFrom(...TEAMS),
  month: fc.constantFrom(...MONTHS),
  offsetMs: fc.nat({ max: 28 * 86_400_000 }),
  cost: fc.option(fc.nat({ max: 9_000_000_000 })),
  run_id: fc.constantFrom(null, 'r1', 'r2'),
  key_id: fc.constantFrom('ci', 'laptop'),
  response_model: fc.constantFrom('gpt-5', 'gpt-5-mini', null),
  usage_source: fc.constantFrom('reported' as const, 'estimated' as const),
  settlesLater: fc.boolean(),
});
const settle = fc.record({ kind: fc.constant('settle' as const), which: fc.nat() });
const correct = fc.record({
  kind: fc.constant('correct' as const),
  which: fc.nat(),
  cost: fc.nat({ max: 9_000_000_000 }),
});
const close = fc.record({ kind: fc.constant('close' as const), team: fc.constantFrom(...TEAMS) });
const steps = fc.array(fc.oneof({ weight: 5, arbitrary: call }, settle, correct, { weight: 2, arbitrary: close }), {
  maxLength: 40,
});

/** The ledger by hand: what every ended call of a team costs now. */
class Expected {
  readonly records: CallRecord[] = [];
  readonly waiting: CallRecord[] = [];
  readonly costs = new Map<string, number | null>();

  end(record: CallRecord): void {
    this.records.push(record);
    this.costs.set(record.id, record.cost_nano_usd);
  }

  totalOf(team: string): bigint {
    const ofTeam = this.records.filter((record) => record.team === team);
    return ofTeam.reduce((sum, { id }) => sum + BigInt(this.costs.get(id) ?? 0), 0n);
  }
}

type ValueOf<Made> = Made extends fc.Arbitrary<infer Value> ? Value : never;
type Step = ValueOf<typeof call> | ValueOf<typeof settle> | ValueOf<typeof correct> | ValueOf<typeof close>;

function recordOf(step: ValueOf<typeof call>): CallRecord {
  return callRecord({
    started_at: new Date(periodStartMs(step.month) + step.offsetMs).toISOString(),
    team: step.team,
    key_id: step.key_id,
    run_id: step.run_id,
    response_model: step.response_model,
    request_model: null,
    usage_source: step.usage_source,
    cost_nano_usd: step.cost,
  });
}

/** What every ledger does that keeps statements. `open` gives an empty one. */
export function describeStatements(name: string, open: () => Promise<StatedLedgerUnderTest>): void {
  describe(name, () => {
    it('states everything once, whatever comes late and whenever months are closed', { timeout: 120_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (script) => {
          const books = await open();
          const expected = new Expected();
          const kept = new Map<string, string>();
          for (const step of script) await take(step, { books, expected, kept });
          for (const team of TEAMS) await checkTeam(books, team, expected.totalOf(team));
          for (const [place, text] of kept) {
            const [team = '', period = '', format = ''] = place.split('/');
            expect(await books.statements.document(team, period, format === 'csv' ? 'csv' : 'json')).toBe(text);
          }
          await books.close();
        }),
        { numRuns: 25 },
      );
    });

    it('refuses to close out of order, twice, too early, or what is not there', async () => {
      const { ledger, statements } = await open();
      for (const month of ['2026-09', '2026-11']) {
        await ledger.finish(callRecord({ started_at: `${month}-03T00:00:00.000Z` }));
      }
      const order = { team: 'research', author: AUTHOR };
      const closing = (period: string, nowMs: number) => closeStatement(statements, { ...order, period, nowMs });
      await expect(closing('2026-11', NOW_MS)).rejects.toThrow('Close 2026-09 first');
      await expect(closing('2026-09', Date.UTC(2026, 8, 30, 23, 59))).rejects.toThrow('not over yet');
      await expect(closing('2026-08', NOW_MS)).rejects.toThrow('There is no statement');
      await expect(closing('2027-08', NOW_MS)).rejects.toThrow('There is no statement');
      await closing('2026-09', NOW_MS);
      await expect(closing('2026-09', NOW_MS)).rejects.toThrow('is closed since 2026-12-05');
      await closing('2026-10', NOW_MS);
      expect((await closing('2026-11', NOW_MS)).totalNanoUsd).toBe(2_345_600n);
      await expect(
        closeStatement(statements, { ...order, team: 'x', period: '2026-11', nowMs: NOW_MS }),
      ).rejects.toThrow('There is no statement');
    });

    it('closes a month once, however many try at the same time', async () => {
      const { ledger, statements } = await open();
      for (let n = 0; n < 20; n++) await ledger.finish(callRecord({ run_id: `run-${n}` }));
      const order = { team: 'research', period: '2026-11', nowMs: NOW_MS, author: AUTHOR };
      const tried = await Promise.allSettled([1, 2, 3, 4].map(() => closeStatement(statements, order)));
      expect(tried.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const { stated } = await statements.months('research');
      expect(stated).toMatchObject([{ of_month: '2026-11', records: 20, cost_nano_usd: 46_912_000n }]);
    });
  });
}

interface Stage {
  readonly books: StatedLedgerUnderTest;
  readonly expected: Expected;
  readonly kept: Map<string, string>;
}

async function take(step: Step, { books, expected, kept }: Stage): Promise<void> {
  if (step.kind === 'call') {
    const record = recordOf(step);
    if (step.settlesLater) {
      await books.ledger.finish(openCallRecord({ ...record, ending: 'queued', usage: null, cost_nano_usd: null }));
      expected.waiting.push(record);
      return;
    }
    await books.ledger.finish(record);
    expected.end(record);
  } else if (step.kind === 'settle') {
    const [record] = expected.waiting.splice(step.which % Math.max(1, expected.waiting.length), 1);
    if (record === undefined) return;
    await books.ledger.finish(record);
    expected.end(record);
  } else if (step.kind === 'correct') {
    const record = expected.records[step.which % Math.max(1, expected.records.length)];
    if (record === undefined) return;
    const before = expected.costs.get(record.id) ?? null;
    const id = nextId(NOW_MS);
    const corrections = [{ id, recordId: record.id, expectedNanoUsd: before, costNanoUsd: step.cost, priceId: 'p' }];
    await books.corrections.correct({ corrections, reason: 'r', ...CORRECTING, nowMs: NOW_MS });
    expected.costs.set(record.id, step.cost);
  } else {
    const months = await statementMonths(books.statements, step.team, NOW_MS);
    const first = months.find(({ isFirstOpen }) => isFirstOpen);
    if (first === undefined || periodStartMs(nextPeriod(first.period)) > NOW_MS) return;
    const { team, period } = first;
    await closeStatement(books.statements, { team, period, nowMs: NOW_MS, author: AUTHOR });
    for (const format of ['json', 'csv'] as const) {
      kept.set(`${team}/${period}/${format}`, (await books.statements.document(team, period, format)) ?? '');
    }
  }
}

/** All statements of a team follow each other and come to what its calls cost. */
async function checkTeam(books: StatedLedgerUnderTest, team: string, totalNanoUsd: bigint): Promise<void> {
  const months = (await statementMonths(books.statements, team, NOW_MS)).reverse();
  let balance = 0n;
  for (const month of months) {
    const question = { team, period: month.period, nowMs: NOW_MS };
    const json = JSON.parse((await statementDocument(books.statements, question, 'json')).text);
    const usd = (name: string): bigint => parseSignedUsd(json[name]) ?? -1n;
    expect(usd('opening_balance_usd')).toBe(balance);
    expect(usd('total_usd')).toBe(month.totalNanoUsd);
    expect(usd('calls_usd') + usd('late_calls_usd') + usd('corrections_usd')).toBe(month.totalNanoUsd);
    for (const table of ['by_model', 'by_key', 'by_run']) {
      const rows: { total_usd: string }[] = json[table];
      expect(rows.reduce((sum, row) => sum + (parseSignedUsd(row.total_usd) ?? -1n), 0n)).toBe(month.totalNanoUsd);
    }
    const made: { corrections_usd: string }[] = json.corrections;
    expect(made.reduce((sum, row) => sum + (parseSignedUsd(row.corrections_usd) ?? -1n), 0n)).toBe(
      usd('corrections_usd'),
    );
    balance += month.totalNanoUsd;
    expect(usd('closing_balance_usd')).toBe(balance);
    const csv = (await statementDocument(books.statements, question, 'csv')).text.trimEnd().split('\r\n').slice(1);
    expect(csv.reduce((sum, line) => sum + (parseSignedUsd(line.split(',').at(-1) ?? '') ?? -1n), 0n)).toBe(balance);
  }
  expect(balance).toBe(totalNanoUsd);
}
