import type { LimitRule } from './limit-rule.ts';

/** A stretch of time in which is counted; both ends in Unix milliseconds. */
export interface TimeWindow {
  readonly startMs: number;
  readonly endMs: number;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** How long rates and rolling windows are. */
const LENGTH_MS = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS, week: 7 * DAY_MS, month: 30 * DAY_MS } as const;
/** Rolling windows are counted in slots, so that they forget by the slot: at most one slot later than they might. */
const SLOT_MS = { day: HOUR_MS, week: 6 * HOUR_MS, month: DAY_MS } as const;

/** How a rule's counter behaves over time. */
export type Course =
  /** A sum that begins anew with each window, or never. */
  | { readonly kind: 'sum' }
  /** A rate: a bucket that `lengthMs` empties (GCRA; standards.md 8.4). */
  | { readonly kind: 'rate'; readonly lengthMs: number }
  /** A sum over the last `lengthMs`, forgotten by the slot. */
  | { readonly kind: 'rolling'; readonly lengthMs: number; readonly slotMs: number };

/** The course of a rule's counter. */
export function courseOf(rule: Pick<LimitRule, 'per' | 'window'>): Course {
  if (rule.per === 'minute' || rule.per === 'hour') return { kind: 'rate', lengthMs: LENGTH_MS[rule.per] };
  const isDays = rule.per === 'day' || rule.per === 'week' || rule.per === 'month';
  if (!isDays || rule.window === 'calendar') return { kind: 'sum' };
  return { kind: 'rolling', lengthMs: LENGTH_MS[rule.per], slotMs: SLOT_MS[rule.per] };
}

/**
 * Finds calendar windows: days, weeks from Monday (ISO 8601) and months of a time zone. The zone's own clock decides, so
 * that the days on which it is changed have 23 or 25 hours. Windows are remembered, so that a call costs a comparison.
 */
export class Calendar {
  readonly #zones = new Map<string, Intl.DateTimeFormat>();
  readonly #recent = new Map<string, TimeWindow>();

  /** The window that a moment is in. Throws RangeError for a time zone that is not one. */
  windowAt(unit: 'day' | 'week' | 'month', timeZone: string, atMs: number): TimeWindow {
    const key = `${unit} ${timeZone}`;
    const known = this.#recent.get(key);
    if (known !== undefined && known.startMs <= atMs && atMs < known.endMs) return known;
    const window = this.#find(unit, timeZone, atMs);
    this.#recent.set(key, window);
    return window;
  }

  #find(unit: 'day' | 'week' | 'month', timeZone: string, atMs: number): TimeWindow {
    const window = this.#windowOfDay(unit, timeZone, this.#civilDay(timeZone, atMs));
    // Where clocks are put back over midnight an hour of yesterday comes again: it is in the window around it.
    if (atMs < window.startMs) return this.#find(unit, timeZone, window.startMs - 2 * HOUR_MS);
    return atMs < window.endMs ? window : this.#find(unit, timeZone, window.endMs + 2 * HOUR_MS);
  }

  #windowOfDay(unit: 'day' | 'week' | 'month', timeZone: string, civilDay: number): TimeWindow {
    const first = firstDayOf(unit, civilDay);
    const next = unit === 'month' ? nextMonth(first) : first + (unit === 'week' ? 7 : 1);
    return { startMs: this.#startOfDay(timeZone, first), endMs: this.#startOfDay(timeZone, next) };
  }

  /** The day of the zone's calendar at a moment, in days since 1 January 1970. */
  #civilDay(timeZone: string, atMs: number): number {
    return Math.floor(this.#wallClockMs(timeZone, atMs) / DAY_MS);
  }

  /**
   * When a day of the zone's calendar begins: the first moment at which its clock shows that day. Where clocks are put
   * forward at midnight that is 01:00.
   */
  #startOfDay(timeZone: string, civilDay: number): number {
    // No zone is further than a day from UTC: the beginning lies between these two, and the day rises with the moment.
    let before = (civilDay - 2) * DAY_MS;
    let after = (civilDay + 2) * DAY_MS;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.#civilDay(timeZone, middle) < civilDay) before = middle;
      else after = middle;
    }
    return after;
  }

  /** What the zone's clock shows, as if it were UTC. */
  #wallClockMs(timeZone: string, atMs: number): number {
    if (timeZone === 'UTC') return atMs;
    const parts = new Map<string, number>();
    for (const { type, value } of this.#zone(timeZone).formatToParts(atMs)) parts.set(type, Number(value));
    const of = (type: string): number => parts.get(type) ?? 0;
    return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  }

  #zone(timeZone: string): Intl.DateTimeFormat {
    const known = this.#zones.get(timeZone);
    if (known !== undefined) return known;
    const zone = new Intl.DateTimeFormat('en-u-ca-iso8601-hc-h23', {
      timeZone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    this.#zones.set(timeZone, zone);
    return zone;
  }
}

function firstDayOf(unit: 'day' | 'week' | 'month', civilDay: number): number {
  if (unit === 'day') return civilDay;
  const date = new Date(civilDay * DAY_MS);
  if (unit === 'week') return civilDay - ((date.getUTCDay() + 6) % 7);
  return civilDay - (date.getUTCDate() - 1);
}

function nextMonth(firstDay: number): number {
  const date = new Date(firstDay * DAY_MS);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / DAY_MS;
}
