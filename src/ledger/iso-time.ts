/** 9999-12-31T23:59:59.999Z: beyond it ISO times get a sign and do not sort as text any more. */
const LAST_MS = 253_402_300_799_999;

/** Unix milliseconds as the ledger writes times: ISO 8601 in UTC with milliseconds, which sort as text. */
export function isoTime(ms: number): string {
  return new Date(Math.min(Math.max(0, ms), LAST_MS)).toISOString();
}

const PLAIN_TIME = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** Whether a text is a time that `Date.parse` reads. Of one that `isoTime` has written, nearly always, its look tells. */
export function isTime(text: string): boolean {
  return PLAIN_TIME.test(text) || !Number.isNaN(Date.parse(text));
}
