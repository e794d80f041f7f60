/** 9999-12-31T23:59:59.999Z: beyond it ISO times get a sign and do not sort as text any more. */
const LAST_MS = 253_402_300_799_999;

/** Unix milliseconds as the ledger writes times: ISO 8601 in UTC with milliseconds, which sort as text. */
export function isoTime(ms: number): string {
  return new Date(Math.min(Math.max(0, ms), LAST_MS)).toISOString();
}
