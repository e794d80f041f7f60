import { expect, it } from 'vitest';
import { type Doubt, reconcile, type SideSum } from '../../../src/reporting/reconciliation.ts';

const sum = (day: string, inputTokens: number, costNanoUsd: bigint | null = null, model = 'm'): SideSum => ({
  day,
  model,
  requests: 1,
  inputTokens,
  outputTokens: 0,
  costNanoUsd,
});

function compare(
  ours: readonly SideSum[],
  theirs: readonly SideSum[],
  given: { doubts?: Doubt[]; today?: string } = {},
) {
  return reconcile({
    ours: { days: ours, dayCosts: new Map(), keys: [] },
    theirs: { days: theirs, dayCosts: new Map(), keys: [] },
    doubts: given.doubts ?? [],
    keyNames: new Map(),
    toleranceBasisPoints: 100,
    today: given.today ?? '2026-12-24',
  });
}

it('takes one per cent of the larger side as within a tolerance of one per cent, and no more', () => {
  expect(compare([sum('2026-11-01', 9_900)], [sum('2026-11-01', 10_000)]).within_tolerance).toBe(true);
  expect(compare([sum('2026-11-01', 9_899)], [sum('2026-11-01', 10_000)]).within_tolerance).toBe(false);
  expect(compare([sum('2026-11-01', 1)], []).within_tolerance).toBe(false);
});

it('adds the costs of models and of days that have no model', () => {
  const result = reconcile({
    ours: { days: [sum('2026-11-01', 1, 5n)], dayCosts: new Map(), keys: [] },
    theirs: { days: [sum('2026-11-01', 1, 2n)], dayCosts: new Map([['2026-11-01', 3n]]), keys: [] },
    doubts: [],
    keyNames: new Map(),
    toleranceBasisPoints: 0,
    today: '2026-12-24',
  });
  expect(result.costs_by_day).toMatchObject([{ drift_usd: '0.000000000', within_tolerance: true }]);
  expect(result.drift.cost_usd).toBe('0.000000000');
});

it.each<[Doubt['kind'], string]>([
  ['interrupted', 'were interrupted'],
  ['missing', 'without usage'],
  ['estimated', 'a guess'],
  ['open', 'still open'],
  ['unpriced', 'have no price here'],
])('names calls that are %s before it suspects others', (kind, words) => {
  const doubts = [{ day: '2026-11-01', model: 'm', kind, calls: 3 }];
  const [row] = compare([sum('2026-11-01', 1)], [sum('2026-11-01', 5)], { doubts }).rows;
  expect(row?.reasons).toEqual([expect.stringContaining(words)]);
  expect(row?.reasons[0]).toContain('3 calls');
  const elsewhere = compare([sum('2026-11-02', 1)], [sum('2026-11-02', 5)], { doubts }).rows[0];
  expect(elsewhere?.reasons).toEqual([expect.stringContaining('did not come through here')]);
});

it('sees calls that one side counts on the next day', () => {
  const { rows } = compare(
    [sum('2026-11-01', 100), sum('2026-11-02', 200)],
    [sum('2026-11-01', 90), sum('2026-11-02', 210)],
  );
  for (const { reasons } of rows) expect(reasons.join()).toContain('around midnight');
});

it('knows that today is not over, and that a model may have another name', () => {
  const [row] = compare([sum('2026-11-01', 100)], [], { today: '2026-11-01' }).rows;
  expect(row?.reasons).toEqual([expect.stringContaining('all of today'), expect.stringContaining('names the model')]);
});
