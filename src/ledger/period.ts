/** A statement's period is a calendar month in UTC, written `2026-11`; as texts periods sort by time. */
const PERIOD = /^(\d{4})-(0[1-9]|1[0-2])$/;

/** Tells whether a text is a period. */
export function isPeriod(text: string): boolean {
  return PERIOD.test(text) && text >= '1970-01';
}

/** The month that an ISO time in UTC lies in. */
export function periodOf(isoTime: string): string {
  return isoTime.slice(0, 7);
}

/** The first moment of a period, in Unix milliseconds. */
export function periodStartMs(period: string): number {
  return Date.UTC(Number(period.slice(0, 4)), Number(period.slice(5, 7)) - 1);
}

/** The month after. */
export function nextPeriod(period: string): string {
  return new Date(Date.UTC(Number(period.slice(0, 4)), Number(period.slice(5, 7)))).toISOString().slice(0, 7);
}
