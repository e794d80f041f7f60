import { setTimeout as sleep } from 'node:timers/promises';
import type { AlertEvent, AlertEvents } from '../core/alert-events.ts';
import { RecentCache } from '../core/recent-cache.ts';
import type { NewAlert, Outbox } from '../ledger/outbox.ts';

export interface AlertBookOptions {
  readonly outbox: Pick<Outbox, 'addAlert'>;
  /** Makes an id for an event of this moment. */
  readonly nextId: (nowMs: number) => string;
  /** Told of each event that is new, once it is kept. */
  readonly onAdded: (alert: NewAlert) => void;
  /** Told where the ledger cannot be written, and where too many events wait for it. */
  readonly onError: (error: unknown) => void;
  /** The first wait after a failure; it doubles up to a minute. */
  readonly firstRetryMs?: number;
}

/** Keys that are known to be kept, or on their way. One more look into the ledger is all that a forgotten one costs. */
const KNOWN_KEYS = 20_000;
const MAX_WAITING = 1_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 60_000;

/** The alerts of this process on their way into the outbox. */
export class AlertBook implements AlertEvents {
  readonly #options: AlertBookOptions;
  readonly #known = new RecentCache<string, true>(KNOWN_KEYS);
  readonly #waiting: NewAlert[] = [];
  readonly #closing = new AbortController();
  #writing: Promise<void> | null = null;

  constructor(options: AlertBookOptions) {
    this.#options = options;
  }

  publish(event: AlertEvent): void {
    if (this.#known.get(event.dedupeKey) === true) return;
    if (this.#waiting.length >= MAX_WAITING) return; // told when the first of them could not be written
    this.#known.set(event.dedupeKey, true);
    this.#waiting.push({
      id: this.#options.nextId(event.occurredAtMs),
      dedupeKey: event.dedupeKey,
      type: event.type,
      team: event.team,
      occurredAt: new Date(event.occurredAtMs).toISOString(),
      data: event.data,
    });
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  /** Writes what waits, if the ledger takes it now, and ends. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    let retryMs = this.#options.firstRetryMs ?? FIRST_RETRY_MS;
    for (let alert = this.#waiting[0]; alert !== undefined; alert = this.#waiting[0]) {
      try {
        const outcome = await this.#options.outbox.addAlert(alert);
        this.#waiting.shift();
        if (outcome === 'added') this.#options.onAdded(alert);
      } catch (error) {
        this.#options.onError(error);
        if (this.#closing.signal.aborted) return;
        await sleep(retryMs, null, { signal: this.#closing.signal, ref: false }).catch(() => null); // woken by the close
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
  }
}
