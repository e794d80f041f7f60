const DAY_MS = 86_400_000;
/** The years that are written with four digits and no sign; others are left to `Date`. */
const FIRST_MS = -62_167_219_200_000;
const LAST_MS = 253_402_300_799_999;

const ZERO = 0x30;
const DASH = 0x2d;
const COLON = 0x3a;
const DOT = 0x2e;
const LETTER_T = 0x54;
const LETTER_Z = 0x5a;

/**
 * Writes Unix milliseconds as `Date.prototype.toISOString` does (`2026-11-23T01:36:02.005Z`), at a quarter of its cost,
 * which every call has twice. The text is made of its characters at once, so that nothing is left to be put together
 * when it is written.
 *
 * @throws RangeError where `ms` is no time
 */
export function instantText(ms: number): string {
  if (!Number.isInteger(ms) || ms < FIRST_MS || ms > LAST_MS) return new Date(ms).toISOString();
  const days = Math.floor(ms / DAY_MS);
  const { year, month, day } = civilDate(days);
  const timeMs = ms - days * DAY_MS;
  const seconds = Math.floor(timeMs / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const millisecond = timeMs - seconds * 1000;
  return String.fromCharCode(
    digit(year, 1000),
    digit(year, 100),
    digit(year, 10),
    digit(year, 1),
    DASH,
    digit(month, 10),
    digit(month, 1),
    DASH,
    digit(day, 10),
    digit(day, 1),
    LETTER_T,
    digit(hours, 10),
    digit(hours, 1),
    COLON,
    digit(minutes % 60, 10),
    digit(minutes % 60, 1),
    COLON,
    digit(seconds % 60, 10),
    digit(seconds % 60, 1),
    DOT,
    digit(millisecond, 100),
    digit(millisecond, 10),
    digit(millisecond, 1),
    LETTER_Z,
  );
}

function digit(number: number, place: number): number {
  return ZERO + (Math.floor(number / place) % 10);
}

/** Years begin in March here, so that the leap day is their last, and 400 of them have as many days as any other 400. */
const DAYS_FROM_MARCH_OF_YEAR_0 = 719_468;
const DAYS_OF_400_YEARS = 146_097;

/**
 * The date in the Gregorian calendar of a day, counted from 1 January 1970.
 * https://howardhinnant.github.io/date_algorithms.html#civil_from_days
 */
function civilDate(days: number): { year: number; month: number; day: number } {
  const shifted = days + DAYS_FROM_MARCH_OF_YEAR_0;
  const era = Math.floor(shifted / DAYS_OF_400_YEARS);
  const dayOfEra = shifted - era * DAYS_OF_400_YEARS;
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}
