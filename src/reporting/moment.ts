const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|z|[+ -]\d{2}:?\d{2})?)?$/;
const UNIX_SECONDS = /^\d{1,12}(?:\.\d{1,9})?$/;
/** The first second of the year 10000: later times have no four-digit year. It also shows up milliseconds. */
const END_OF_TIME_MS = 253_402_300_800_000;

/**
 * Reads a moment as milliseconds since the Unix epoch; null for a text that is none. Takes ISO 8601 (a date, or a date
 * with a time; without an offset it is UTC) and Unix seconds. A blank stands for the plus of an offset, because that is
 * what an unescaped `+` in a query becomes. Dates that do not exist (30 February) are no moment.
 */
export function readMoment(text: string): number | null {
  const ms = UNIX_SECONDS.test(text) ? Math.floor(Number(text) * 1_000) : readIso(text);
  return ms !== null && ms >= 0 && ms < END_OF_TIME_MS ? ms : null;
}

function readIso(text: string): number | null {
  const match = ISO_8601.exec(text);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((digits) => Number(digits ?? 0));
  const milliseconds = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const atUtc = Date.UTC(year, month - 1, day, hour, minute, second, milliseconds);
  const roundTrip = new Date(atUtc);
  const isDate =
    roundTrip.getUTCFullYear() === year && roundTrip.getUTCMonth() === month - 1 && roundTrip.getUTCDate() === day;
  const isTime = hour < 24 && minute < 60 && second < 60;
  const offsetMs = readOffset(match[8]);
  return isDate && isTime && offsetMs !== null ? atUtc - offsetMs : null;
}

/** Milliseconds that local time is ahead of UTC; null for an offset that no place has. */
function readOffset(text: string | undefined): number | null {
  if (text === undefined || text === 'Z' || text === 'z') return 0;
  const hours = Number(text.slice(1, 3));
  const minutes = Number(text.slice(-2));
  if (hours > 14 || minutes > 59) return null;
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
