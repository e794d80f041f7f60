/** Periods as FOCUS writes them: to the second in UTC, their ends exclusive. `at` is an ISO time of UTC or its beginning. */

/** The beginning of the month that a time lies in. */
export function monthOf(at: string): string {
  return `${at.slice(0, 7)}-01T00:00:00Z`;
}

/** The beginning of the month after. */
export function monthAfter(at: string): string {
  const month = new Date(monthOf(at));
  return seconds(month.setUTCMonth(month.getUTCMonth() + 1));
}

/** The beginning of the hour that a time lies in. */
export function hourOf(at: string): string {
  return `${at.slice(0, 13)}:00:00Z`;
}

/** The beginning of the hour after. */
export function hourAfter(at: string): string {
  return seconds(Date.parse(hourOf(at)) + 3_600_000);
}

function seconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
