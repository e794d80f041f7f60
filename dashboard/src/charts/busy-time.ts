/** A stretch of time, from and up to, in milliseconds. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Where no call was open for so long that the axis was cut short there; positions are shares of the axis. */
export interface Break {
  readonly from: number;
  readonly to: number;
  readonly idleMs: number;
}

export interface Tick {
  readonly at: number;
  /** Since the first call began. */
  readonly sinceMs: number;
}

/** An axis of time whose long idle stretches are cut short, so that what was done can be seen. */
export interface BusyTime {
  /** The place of a moment on the axis, from 0 to 1. */
  readonly place: (ms: number) => number;
  readonly breaks: readonly Break[];
  readonly ticks: readonly Tick[];
}

/** An idle stretch is cut short when it would take more than this share of what is busy, and takes so much then. */
const LONGEST_GAP = 0.15;
const CUT_GAP = 0.05;
const MOST_TICKS = 6;
const LEAST_DISTANCE = 0.11;
/** Steps that people count in. */
const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1.5e4, 3e4, 6e4, 1.2e5, 3e5, 6e5, 9e5, 1.8e6, 3.6e6, 7.2e6,
  1.44e7, 4.32e7, 8.64e7,
];

/** Makes the axis of stretches in which calls were open, in any order. There is at least one. */
export function busyTime(stretches: readonly Stretch[]): BusyTime {
  const busy = joined(stretches);
  const startMs = busy[0]?.fromMs ?? 0;
  const busyMs = Math.max(1, sum(busy.map(({ fromMs, toMs }) => toMs - fromMs)));
  const segments: { fromMs: number; toMs: number; start: number; length: number; isCut: boolean }[] = [];
  let start = 0;
  const add = (fromMs: number, toMs: number, isCut: boolean) => {
    const length = isCut ? CUT_GAP * busyMs : toMs - fromMs;
    segments.push({ fromMs, toMs, start, length, isCut });
    start += length;
  };
  busy.forEach(({ fromMs, toMs }, index) => {
    const before = busy[index - 1];
    if (before !== undefined) add(before.toMs, fromMs, fromMs - before.toMs > LONGEST_GAP * busyMs);
    add(fromMs, toMs, false);
  });
  const whole = Math.max(1, start);
  const place = (ms: number): number => {
    const segment = segments.findLast(({ fromMs }) => fromMs <= ms) ?? segments[0];
    if (segment === undefined) return 0;
    const span = segment.toMs - segment.fromMs;
    const share = span === 0 ? 0 : Math.min(1, Math.max(0, (ms - segment.fromMs) / span));
    return (segment.start + share * segment.length) / whole;
  };
  const breaks = segments
    .filter(({ isCut }) => isCut)
    .map((cut) => ({ from: cut.start / whole, to: (cut.start + cut.length) / whole, idleMs: cut.toMs - cut.fromMs }));
  return { place, breaks, ticks: ticksOf(place, { startMs, endMs: busy.at(-1)?.toMs ?? startMs, shownMs: whole }) };
}

interface Extent {
  readonly startMs: number;
  readonly endMs: number;
  /** What the axis shows, without what was cut. */
  readonly shownMs: number;
}

/** Round times since the start, as far apart as their words need. */
function ticksOf(place: (ms: number) => number, { startMs, endMs, shownMs }: Extent): Tick[] {
  const step = STEPS_MS.find((ms) => shownMs / ms <= MOST_TICKS) ?? shownMs / MOST_TICKS;
  const ticks: Tick[] = [];
  // Beyond an idle night there are many steps that fall together: none of them needs to be looked at twice.
  const count = Math.min(Math.floor((endMs - startMs) / step), 10_000);
  for (let n = 0; n <= count; n++) {
    const at = place(startMs + n * step);
    const last = ticks.at(-1);
    if (at <= 1 - LEAST_DISTANCE / 2 && (last === undefined || at - last.at >= LEAST_DISTANCE))
      ticks.push({ at, sinceMs: n * step });
  }
  return ticks;
}

function joined(stretches: readonly Stretch[]): Stretch[] {
  const sorted = [...stretches].sort((a, b) => a.fromMs - b.fromMs);
  const result: Stretch[] = [];
  for (const stretch of sorted) {
    const last = result.at(-1);
    if (last === undefined || stretch.fromMs > last.toMs) result.push(stretch);
    else result[result.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, stretch.toMs) };
  }
  return result;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
