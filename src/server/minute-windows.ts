import { RecentCache } from '../core/recent-cache.ts';

const MINUTE_MS = 60_000;
/** How many keys or addresses are counted at once. */
const COUNTED_AT_ONCE = 100_000;

/** What has been counted of one in its minute. */
export interface MinuteCount {
  readonly requests: number;
  /** How long the minute still lasts. */
  readonly restMs: number;
}

interface MinuteWindow {
  startedMs: number;
  requests: number;
}

/** How many requests each of many has made in a minute of its own, which begins with the first of them. */
export class MinuteWindows {
  // Twice, because those in use stand in the younger half.
  readonly #windows = new RecentCache<string, MinuteWindow>(2 * COUNTED_AT_ONCE);

  /** Counts one request of `who`. @param nowMs monotonic milliseconds */
  count(who: string, nowMs: number): MinuteCount {
    let window = this.#windows.get(who);
    if (window === undefined) {
      window = { startedMs: nowMs, requests: 0 };
      this.#windows.set(who, window);
    }
    if (nowMs - window.startedMs >= MINUTE_MS) {
      window.startedMs = nowMs;
      window.requests = 0;
    }
    window.requests += 1;
    return { requests: window.requests, restMs: MINUTE_MS - (nowMs - window.startedMs) };
  }
}
