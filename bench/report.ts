import { BASELINE, type Candidate, DIRECT } from './candidates.ts';
import type { Measurement, Quantiles } from './measurement.ts';
import { type Spread, spreadOf } from './statistics.ts';
import type { Workload } from './workloads.ts';

/** Above this share of their core, load generator and upstream may be what limits a candidate. */
const BUSY_SHARE = 0.9;

interface Column {
  readonly title: string;
  readonly digits: number;
  /** The figure of a round; `direct` is the round without a proxy, where there is one. */
  readonly value: (own: Measurement, direct: Measurement | undefined) => number | null;
}

const COLUMNS: readonly Column[] = [
  { title: 'calls/s', digits: 0, value: (own) => own.callsPerSecond },
  { title: 'µs CPU/call', digits: 1, value: (own) => own.cpuMicrosPerCall },
  { title: 'µs CPU/event', digits: 2, value: (own) => own.cpuMicrosPerEvent },
  { title: 'fresh: µs CPU/call', digits: 0, value: (own) => own.firstCpuMicrosPerCall },
  { title: 'first byte + ms p50', digits: 2, value: (own, direct) => added(own.firstMs, direct?.firstMs, 'p50') },
  { title: '+ ms p99', digits: 1, value: (own, direct) => added(own.firstMs, direct?.firstMs, 'p99') },
  { title: 'last byte + ms p50', digits: 2, value: (own, direct) => added(own.lastMs, direct?.lastMs, 'p50') },
  { title: '+ ms p99', digits: 1, value: (own, direct) => added(own.lastMs, direct?.lastMs, 'p99') },
  { title: 'event + ms p50', digits: 2, value: (own, direct) => added(own.eventMs, direct?.eventMs, 'p50') },
  { title: '+ ms p99', digits: 1, value: (own, direct) => added(own.eventMs, direct?.eventMs, 'p99') },
  { title: 'loop delay ms p99', digits: 1, value: (own) => own.loopDelayMs?.p99 ?? null },
  { title: 'max', digits: 0, value: (own) => own.loopDelayMs?.max ?? null },
  { title: 'MiB before', digits: 0, value: (own) => own.idleMb },
  { title: 'MiB peak', digits: 0, value: (own) => own.peakMb },
  { title: 'core used', digits: 2, value: (own) => own.coreShare },
  { title: 'others’ core', digits: 2, value: (own) => own.otherCoreShare },
  { title: 'errors', digits: 0, value: (own) => own.errors },
];

/** The table of one workload: a row for each candidate, medians with the least and greatest in brackets. */
export function workloadTable(
  workload: Workload,
  candidates: readonly Candidate[],
  all: readonly Measurement[],
): string {
  const own = all.filter((measurement) => measurement.workload === workload.name);
  const rows = candidates.flatMap(({ name }) => {
    const rounds = own.filter((measurement) => measurement.candidate === name);
    if (rounds.length === 0) return [];
    return [
      [
        name,
        ...COLUMNS.map((column) =>
          cell(spreadOf(rounds.map((round) => column.value(round, directOf(own, round)))), column.digits),
        ),
      ],
    ];
  });
  const isUsed = (index: number) => rows.some((row) => row[index] !== '–');
  const shown = ['candidate', ...COLUMNS.map(({ title }) => title)].flatMap((title, i) =>
    i === 0 || isUsed(i) ? [{ title, i }] : [],
  );
  const table = markdown(
    shown.map(({ title }) => title),
    rows.map((row) => shown.map(({ i }) => row[i] ?? '')),
  );
  return `### ${workload.name}\n\n${workload.title}.\n\n${table}`;
}

/** CPU of each candidate over that of the baseline in the same round, for each workload. */
export function ratioTable(
  workloads: readonly Workload[],
  candidates: readonly Candidate[],
  all: readonly Measurement[],
): string {
  const shown = candidates.filter(({ name }) => name !== DIRECT && all.some(({ candidate }) => candidate === name));
  const rows = workloads.map((workload) => {
    const own = all.filter((measurement) => measurement.workload === workload.name);
    return [workload.name, ...shown.map(({ name }) => cell(ratioOf(own, name), 2))];
  });
  return markdown(['CPU, × bare-pipe', ...shown.map(({ name }) => name)], rows);
}

/** What one candidate's CPU per call is of the baseline's, over the rounds. */
export function ratioOf(own: readonly Measurement[], candidate: string): Spread | null {
  const rounds = own.filter((measurement) => measurement.candidate === candidate);
  return spreadOf(
    rounds.map((round) => {
      const baseline = own.find((other) => other.candidate === BASELINE && other.round === round.round);
      if (baseline?.cpuMicrosPerCall == null || round.cpuMicrosPerCall === null) return null;
      return round.cpuMicrosPerCall / baseline.cpuMicrosPerCall;
    }),
  );
}

/** Says whether load generator and upstream were fast enough, from what they used and from the calls without a proxy. */
export function bottleneckNote(all: readonly Measurement[]): string {
  const lines = ['Load generator and upstream:'];
  for (const name of new Set(all.map(({ workload }) => workload))) {
    const own = all.filter(({ workload }) => workload === name);
    const direct = spreadOf(own.filter(({ candidate }) => candidate === DIRECT).map((round) => round.callsPerSecond));
    const busiest = own
      .filter(({ candidate }) => candidate !== DIRECT)
      .toSorted((a, b) => b.otherCoreShare - a.otherCoreShare)[0];
    if (busiest === undefined) continue;
    const share = busiest.otherCoreShare.toFixed(2);
    const without = direct === null ? '' : `; ${direct.median.toFixed(0)} calls/s without a proxy`;
    const warning =
      busiest.otherCoreShare > BUSY_SHARE ? ' They may have limited it: its calls/s are a lower bound.' : '';
    lines.push(`- ${name}: at most ${share} of their core, with ${busiest.candidate}${without}.${warning}`);
  }
  return lines.join('\n');
}

/** Everything that went wrong, one line each. */
export function errorLines(all: readonly Measurement[]): string[] {
  return all
    .filter(({ errorText }) => errorText !== null)
    .map(({ workload, candidate, round, errorText }) => `${workload}, ${candidate}, round ${round}: ${errorText}`);
}

function directOf(own: readonly Measurement[], round: Measurement): Measurement | undefined {
  return own.find((other) => other.candidate === DIRECT && other.round === round.round);
}

/** What a quantile is above that without a proxy; null where one of them is missing. */
export function added(
  own: Quantiles | null,
  direct: Quantiles | null | undefined,
  quantile: keyof Quantiles,
): number | null {
  if (own === null || direct == null) return null;
  return own === direct ? 0 : own[quantile] - direct[quantile];
}

/** A figure over the rounds: the median, with the least and greatest in brackets. */
export function cell(spread: Spread | null, digits: number): string {
  if (spread === null) return '–';
  const median = spread.median.toFixed(digits);
  const min = spread.min.toFixed(digits);
  const max = spread.max.toFixed(digits);
  return min === max ? median : `${median} (${min}–${max})`;
}

/** A table that reads well as it is and as Markdown. */
export function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((text, i) => text.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}
