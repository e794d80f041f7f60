import { formatUsd } from '../core/money.ts';

/** What one side counted on one day (UTC) of one model; null where the side does not say. */
export interface SideSum {
  readonly day: string;
  readonly model: string | null;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanoUsd: bigint | null;
}

/** The same of one key, over the whole range. */
export interface KeySum extends Omit<SideSum, 'day' | 'model'> {
  readonly key: string;
}

/** What makes our side less than certain, by day and model. */
export interface Doubt {
  readonly day: string;
  readonly model: string | null;
  readonly kind: 'interrupted' | 'missing' | 'estimated' | 'unpriced' | 'open';
  readonly calls: number;
}

export interface Side {
  readonly days: readonly SideSum[];
  /** Costs by day where they are not told by model. */
  readonly dayCosts: ReadonlyMap<string, bigint>;
  readonly keys: readonly KeySum[];
}

export interface ReconciliationInput {
  readonly ours: Side;
  readonly doubts: readonly Doubt[];
  readonly theirs: Side;
  /** Ours to theirs, where the two sides name a key differently. */
  readonly keyNames: ReadonlyMap<string, string>;
  /** In ten-thousandths: 100 is one per cent. */
  readonly toleranceBasisPoints: number;
  /** The day on which it is asked: the upstream may not have counted all of it yet. */
  readonly today: string;
}

export interface Figures {
  readonly requests: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_usd: string | null;
}

export interface DriftRow {
  readonly day: string;
  readonly model: string | null;
  readonly ours: Figures;
  readonly theirs: Figures;
  /** Ours less theirs. */
  readonly drift: Figures;
  readonly within_tolerance: boolean;
  readonly reasons: readonly string[];
}

export interface CostDriftRow {
  readonly day: string;
  readonly ours_usd: string;
  readonly theirs_usd: string;
  readonly drift_usd: string;
  readonly within_tolerance: boolean;
}

export interface KeyRow {
  readonly key: string;
  /** Null where the upstream knows no key of this name. */
  readonly upstream_key: string | null;
  readonly ours: Figures;
  readonly theirs: Figures | null;
  readonly drift: Figures | null;
}

export interface Reconciliation {
  readonly within_tolerance: boolean;
  readonly ours: Figures;
  readonly theirs: Figures;
  readonly drift: Figures;
  readonly rows: readonly DriftRow[];
  readonly costs_by_day: readonly CostDriftRow[];
  readonly by_key: readonly KeyRow[];
  /** Keys of the upstream that are none of ours: what they used did not come through here, or under another name. */
  readonly other_upstream_keys: readonly (Figures & { readonly key: string })[];
}

/** Sets what we counted beside what the upstream counted, by day and model, by day, and by key. */
export function reconcile(input: ReconciliationInput): Reconciliation {
  const rows = driftRows(input);
  const costs = costRows(input);
  const total = (side: Side): Sum => ({ ...sumOf(side.days), costNanoUsd: costOf([...dayCostsOf(side).values()]) });
  const [ours, theirs] = [total(input.ours), total(input.theirs)];
  const drift = differenceOf(ours, theirs);
  const isWithin = [...rows, ...costs].every((row) => row.within_tolerance);
  return {
    within_tolerance: isWithin,
    ours: viewOf(ours),
    theirs: viewOf(theirs),
    drift: viewOf(drift),
    rows,
    costs_by_day: costs,
    ...keyRows(input),
  };
}

type Sum = Omit<SideSum, 'day' | 'model'>;

function sumOf(rows: readonly Sum[]): Sum {
  const costs = rows.flatMap(({ costNanoUsd }) => costNanoUsd ?? []);
  return {
    requests: rows.reduce((sum, row) => sum + row.requests, 0),
    inputTokens: rows.reduce((sum, row) => sum + row.inputTokens, 0),
    outputTokens: rows.reduce((sum, row) => sum + row.outputTokens, 0),
    costNanoUsd: costs.length === 0 ? null : costOf(costs),
  };
}

function costOf(costs: readonly bigint[]): bigint {
  return costs.reduce((sum, cost) => sum + cost, 0n);
}

function differenceOf(ours: Sum, theirs: Sum): Sum {
  const hasCosts = ours.costNanoUsd !== null && theirs.costNanoUsd !== null;
  return {
    requests: ours.requests - theirs.requests,
    inputTokens: ours.inputTokens - theirs.inputTokens,
    outputTokens: ours.outputTokens - theirs.outputTokens,
    costNanoUsd: hasCosts ? (ours.costNanoUsd ?? 0n) - (theirs.costNanoUsd ?? 0n) : null,
  };
}

function viewOf(sum: Sum): Figures {
  return {
    requests: sum.requests,
    input_tokens: sum.inputTokens,
    output_tokens: sum.outputTokens,
    cost_usd: sum.costNanoUsd === null ? null : formatUsd(sum.costNanoUsd),
  };
}

function driftRows(input: ReconciliationInput): DriftRow[] {
  const placeOf = ({ day, model }: { day: string; model: string | null }): string => JSON.stringify([day, model]);
  const ours = Map.groupBy(input.ours.days, placeOf);
  const theirs = Map.groupBy(input.theirs.days, placeOf);
  const places = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
  const found = places.flatMap((place) => {
    const first = ours.get(place)?.[0] ?? theirs.get(place)?.[0];
    if (first === undefined) return [];
    const mine = sumOf(ours.get(place) ?? []);
    const other = sumOf(theirs.get(place) ?? []);
    return [{ day: first.day, model: first.model, mine, other, drift: differenceOf(mine, other) }];
  });
  return found.map((row) => ({
    day: row.day,
    model: row.model,
    ours: viewOf(row.mine),
    theirs: viewOf(row.other),
    drift: viewOf(row.drift),
    within_tolerance: isWithin(row.mine, row.other, input.toleranceBasisPoints),
    reasons: isSame(row.drift) ? [] : reasonsOf(row, found, input),
  }));
}

interface Found {
  readonly day: string;
  readonly model: string | null;
  readonly mine: Sum;
  readonly other: Sum;
  readonly drift: Sum;
}

function isSame(drift: Sum): boolean {
  return (
    drift.requests === 0 && drift.inputTokens === 0 && drift.outputTokens === 0 && (drift.costNanoUsd ?? 0n) === 0n
  );
}

/** Tokens and costs decide. What counts as a request differs between the two, so the number alone is no drift. */
function isWithin(mine: Sum, other: Sum, basisPoints: number): boolean {
  const hasCosts = mine.costNanoUsd !== null && other.costNanoUsd !== null;
  return (
    isNear(BigInt(mine.inputTokens), BigInt(other.inputTokens), basisPoints) &&
    isNear(BigInt(mine.outputTokens), BigInt(other.outputTokens), basisPoints) &&
    (!hasCosts || isNear(mine.costNanoUsd ?? 0n, other.costNanoUsd ?? 0n, basisPoints))
  );
}

function isNear(a: bigint, b: bigint, basisPoints: number): boolean {
  const size = (value: bigint): bigint => (value < 0n ? -value : value);
  const larger = size(a) > size(b) ? size(a) : size(b);
  return size(a - b) * 10_000n <= larger * BigInt(basisPoints);
}

const DOUBTS: readonly { readonly kind: Doubt['kind']; readonly text: string }[] = [
  { kind: 'interrupted', text: 'were interrupted here: what they used is known to the upstream only' },
  { kind: 'missing', text: 'ended without usage' },
  { kind: 'estimated', text: 'have estimated usage, which is a guess' },
  { kind: 'open', text: 'are still open, or queued in the background' },
  { kind: 'unpriced', text: 'have no price here (metertap prices check, metertap reprice)' },
];

/** Why the two may differ: what our own records say first, then what is left. */
function reasonsOf(row: Found, all: readonly Found[], input: ReconciliationInput): string[] {
  const { drift } = row;
  const own = DOUBTS.flatMap(({ kind, text }) => {
    const doubts = input.doubts.filter((doubt) => doubt.kind === kind && isAt(doubt, row));
    const calls = doubts.reduce((sum, doubt) => sum + doubt.calls, 0);
    return calls === 0 ? [] : [`${calls} calls ${text}`];
  });
  const tokens = drift.inputTokens + drift.outputTokens;
  return [
    ...own,
    ...(tokens < 0 && own.length === 0
      ? ['calls that did not come through here (another key, or past the proxy)']
      : []),
    ...(tokens > 0 && row.day === input.today ? ['the upstream has not counted all of today yet'] : []),
    ...(tokens !== 0 && isShifted(row, all) ? ['calls around midnight that the upstream counts on the other day'] : []),
    ...(tokens === 0 && (drift.costNanoUsd ?? 0n) !== 0n
      ? ['the same tokens at another price: a discount, a tier, or a price that is wrong here']
      : []),
    ...(tokens > 0 && row.other.requests === 0
      ? ['the upstream names the model differently, or bills it elsewhere']
      : []),
  ];
}

function isAt(doubt: Doubt, row: Found): boolean {
  return doubt.day === row.day && (doubt.model === row.model || doubt.model === null);
}

/** A neighbouring day of the same model drifts the other way. */
function isShifted(row: Found, all: readonly Found[]): boolean {
  const at = Date.parse(row.day);
  const tokens = (found: Found): number => found.drift.inputTokens + found.drift.outputTokens;
  return all.some(
    (other) =>
      other.model === row.model &&
      Math.abs(Date.parse(other.day) - at) === 86_400_000 &&
      Math.sign(tokens(other)) === -Math.sign(tokens(row)),
  );
}

/** Costs by day, by whichever way each side tells them. */
function dayCostsOf(side: Side): ReadonlyMap<string, bigint> {
  const costs = new Map(side.dayCosts);
  for (const { day, costNanoUsd } of side.days) {
    if (costNanoUsd !== null) costs.set(day, (costs.get(day) ?? 0n) + costNanoUsd);
  }
  return costs;
}

function costRows({ ours, theirs, toleranceBasisPoints }: ReconciliationInput): CostDriftRow[] {
  const [mine, other] = [dayCostsOf(ours), dayCostsOf(theirs)];
  return [...new Set([...mine.keys(), ...other.keys()])].sort().map((day) => {
    const [a, b] = [mine.get(day) ?? 0n, other.get(day) ?? 0n];
    return {
      day,
      ours_usd: formatUsd(a),
      theirs_usd: formatUsd(b),
      drift_usd: formatUsd(a - b),
      within_tolerance: isNear(a, b, toleranceBasisPoints),
    };
  });
}

function keyRows({
  ours,
  theirs,
  keyNames,
}: ReconciliationInput): Pick<Reconciliation, 'by_key' | 'other_upstream_keys'> {
  const byKey = new Map(theirs.keys.map((row) => [row.key, row]));
  const matched = new Set<string>();
  const rows = ours.keys.map((mine): KeyRow => {
    const name = keyNames.get(mine.key) ?? mine.key;
    const other = byKey.get(name);
    if (other !== undefined) matched.add(name);
    return {
      key: mine.key,
      upstream_key: other === undefined ? null : name,
      ours: viewOf(mine),
      theirs: other === undefined ? null : viewOf(other),
      drift: other === undefined ? null : viewOf(differenceOf(mine, other)),
    };
  });
  const others = theirs.keys.filter(({ key }) => !matched.has(key)).map((row) => ({ key: row.key, ...viewOf(row) }));
  return { by_key: rows, other_upstream_keys: others };
}
