import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Calendar, courseOf, DAY_MS, HOUR_MS } from '../../../src/limits/time-window.ts';

const at = (iso: string) => Date.parse(iso);
const text = ({ startMs, endMs }: { startMs: number; endMs: number }) => [
  new Date(startMs).toISOString(),
  new Date(endMs).toISOString(),
];
/** Zones that change their clocks at midnight, by half an hour, or have skipped a day. */
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Havana',
  'America/Asuncion',
  'Africa/Cairo',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
];

describe('calendar windows', () => {
  it.each([
    ['day', 'UTC', '2026-11-22T23:59:59.999Z', '2026-11-22T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
    ['day', 'Asia/Tokyo', '2026-11-22T15:00:00.000Z', '2026-11-22T15:00:00.000Z', '2026-11-23T15:00:00.000Z'],
    ['week', 'UTC', '2026-11-22T12:00:00.000Z', '2026-11-16T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
    ['week', 'America/New_York', '2026-11-23T04:59:59.999Z', '2026-11-16T05:00:00.000Z', '2026-11-23T05:00:00.000Z'],
    ['month', 'UTC', '2028-02-29T12:00:00.000Z', '2028-02-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['month', 'UTC', '2026-12-31T23:59:59.999Z', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    // Summer time begins and ends within these: the month is an hour shorter, or longer.
    ['month', 'Europe/Berlin', '2026-03-15T00:00:00.000Z', '2026-02-28T23:00:00.000Z', '2026-03-31T22:00:00.000Z'],
    ['month', 'Europe/Berlin', '2026-10-31T22:59:59.999Z', '2026-09-30T22:00:00.000Z', '2026-10-31T23:00:00.000Z'],
  ] as const)('a %s in %s at %s is from %s to %s', (unit, zone, moment, start, end) => {
    expect(text(new Calendar().windowAt(unit, zone, at(moment)))).toEqual([start, end]);
  });

  it.each([
    ['Europe/Berlin', '2026-03-29T12:00:00Z', 23],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', 25],
    ['Australia/Lord_Howe', '2026-10-03T20:00:00Z', 23.5],
    ['Africa/Cairo', '2026-04-24T12:00:00Z', 23],
  ])('the day in %s at %s has %d hours', (zone, moment, hours) => {
    const { startMs, endMs } = new Calendar().windowAt('day', zone, at(moment));
    expect((endMs - startMs) / HOUR_MS).toBe(hours);
  });

  it('cover every moment once, in every zone', () => {
    const moments = fc.integer({ min: at('2005-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') });
    const units = fc.constantFrom('day', 'week', 'month');
    fc.assert(
      fc.property(units, fc.constantFrom(...ZONES), moments, (unit, zone, moment) => {
        const window = new Calendar().windowAt(unit, zone, moment);
        expect(window.startMs).toBeLessThanOrEqual(moment);
        expect(window.endMs).toBeGreaterThan(moment);
        const next = new Calendar().windowAt(unit, zone, window.endMs);
        expect(next.startMs).toBe(window.endMs);
        const within = new Calendar().windowAt(unit, zone, window.endMs - 1);
        expect(within).toEqual(window);
      }),
      { numRuns: 150 },
    );
  });

  it('know no zone that is not one', () => {
    expect(() => new Calendar().windowAt('day', 'Mars/Olympus', 0)).toThrow(RangeError);
  });
});

describe('the course of a counter', () => {
  it('is a rate for minutes and hours, a sum for the calendar, and slots for rolling windows', () => {
    expect(courseOf({ per: 'minute', window: 'calendar' })).toEqual({ kind: 'rate', lengthMs: 60_000 });
    expect(courseOf({ per: 'day', window: 'calendar' })).toEqual({ kind: 'sum' });
    expect(courseOf({ per: 'run', window: 'calendar' })).toEqual({ kind: 'sum' });
    expect(courseOf({ per: 'month', window: 'rolling' })).toEqual({
      kind: 'rolling',
      lengthMs: 30 * DAY_MS,
      slotMs: DAY_MS,
    });
  });
});
