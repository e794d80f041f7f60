const DATE_TIME = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const SECOND = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const FULL = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

export function dateTime(iso: string | number): string {
  return DATE_TIME.format(new Date(iso));
}

/** `22 Nov, 10:59:46`. */
export function secondOf(iso: string): string {
  return SECOND.format(new Date(iso));
}

export function clockTime(iso: string | number): string {
  return TIME.format(new Date(iso));
}

export function fullTime(iso: string | number): string {
  return FULL.format(new Date(iso));
}

/** A day of UTC. */
export function utcDay(ms: number): string {
  return DAY.format(new Date(ms));
}

const AXIS_DAY = { day: 'numeric', month: 'short' } as const;
const AXIS_TIME = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;

/** The words below an axis: times, and the day where one begins. */
export function axisTime(seconds: number, stepSeconds: number, utc: boolean): string {
  const zone = utc ? { timeZone: 'UTC' } : {};
  const at = new Date(seconds * 1000);
  const withSeconds = stepSeconds < 60 ? ({ second: '2-digit' } as const) : {};
  const time = at.toLocaleTimeString('en-GB', { ...AXIS_TIME, ...withSeconds, ...zone });
  if (stepSeconds < 86_400 && time !== '00:00') return time;
  return at.toLocaleDateString('en-GB', { ...AXIS_DAY, ...zone });
}

/** `850 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((ms % 60_000) / 1_000)} s`;
  if (minutes < 2_880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1_440)} days`;
}

/** Round times for an axis: `500 ms`, `20 s`, `5 min`, `2 h`. */
export function roughly(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000) return `${ms / 1_000} s`;
  return ms < 3_600_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`;
}

/** `12 s ago`. */
export function ago(iso: string, nowMs: number): string {
  const ms = nowMs - Date.parse(iso);
  if (ms < 5_000) return 'just now';
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s ago`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min ago`;
  if (ms < 86_400_000) return `${Math.round(ms / 3_600_000)} h ago`;
  return `${Math.round(ms / 86_400_000)} d ago`;
}
