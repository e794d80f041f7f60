import type { Clock } from '../core/clock.ts';
import type { EventKey, Outbox, OutboxEvent, OutboxPage, SinkRegistration } from '../ledger/outbox.ts';
import { type PauseBounds, pauseAfter } from './retry-pause.ts';
import type { Delivery, UsageSink } from './usage-sink.ts';

/** Told of how deliveries go, for metrics and logs. */
export interface DeliveryObserver {
  delivered(sink: string, events: number): void;
  failed(sink: string, reason: string, failuresInRow: number): void;
  recovered(sink: string): void;
  parked(sink: string, event: EventKey, reason: string): void;
  /** The ledger cannot be read or written. */
  fault(sink: string, error: unknown): void;
}

export interface SinkDeliveryOptions {
  readonly registration: SinkRegistration;
  readonly sink: UsageSink;
  /** Only events of these teams; empty for all. */
  readonly teams: readonly string[];
  readonly maxAttempts: number;
  readonly outbox: Pick<Outbox, 'nextPage' | 'settle'>;
  /** Whether this process is the one that delivers. */
  readonly isHolder: () => boolean;
  readonly onLeaseLost: () => void;
  readonly observer: DeliveryObserver;
  readonly clock: Clock;
  readonly random: () => number;
  readonly pauses: PauseBounds;
  /** How often it is looked for events that other processes have written. */
  readonly idleMs: number;
}

type Step = { readonly kind: 'more' } | { readonly kind: 'idle' } | { readonly kind: 'pause'; readonly ms: number };
const MORE: Step = { kind: 'more' };
const IDLE: Step = { kind: 'idle' };

/**
 * Delivers to one sink, one page of events at a time, and writes each outcome down before the next: what is not written
 * down as delivered is sent again, under the same ids. A page that is refused is cut in half until the event at fault
 * stands alone; that one is tried `maxAttempts` times and then parked, so that the others go on.
 */
export class SinkDelivery {
  readonly #options: SinkDeliveryOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;
  #isStopping = false;
  #wake: (() => void) | null = null;
  #wasWoken = false;
  #pageSize: number;
  #failures = 0;
  #refusals = 0;
  #oldestMs: number | null = null;

  constructor(options: SinkDeliveryOptions) {
    this.#options = options;
    this.#pageSize = options.sink.maxEvents;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Says that there may be something to deliver; it does not shorten a pause after a failure. */
  wake(): void {
    this.#wasWoken = true;
    this.#wake?.();
  }

  /** The age of the oldest event that waits, as far as this process knows; 0 where none does. */
  get lagMs(): number {
    return this.#oldestMs === null ? 0 : Math.max(0, this.#options.clock.nowMs() - this.#oldestMs);
  }

  /** Delivers what waits, as long as it goes well and not longer than `graceMs`, then ends. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const patience = setTimeout(() => this.#stop.abort(), graceMs);
    this.#wake?.();
    await this.#running;
    clearTimeout(patience);
  }

  async #run(): Promise<void> {
    for (;;) {
      this.#wasWoken = false;
      const wasStopping = this.#isStopping;
      const step = this.#options.isHolder() ? await this.#step() : IDLE;
      if (this.#stop.signal.aborted || (wasStopping && step.kind !== 'more')) return;
      if (step.kind === 'idle') await this.#sleep(this.#options.idleMs, 'wakeable');
      else if (step.kind === 'pause') await this.#sleep(step.ms, 'to its end');
    }
  }

  /** Never rejects. */
  async #step(): Promise<Step> {
    const { outbox, registration, observer } = this.#options;
    try {
      const page = await outbox.nextPage(registration, this.#pageSize);
      const [oldest] = page.events;
      this.#oldestMs = oldest === undefined ? null : endedMsOf(oldest);
      return oldest === undefined ? IDLE : await this.#deliver(page);
    } catch (error) {
      observer.fault(registration.name, error);
      this.#failures += 1;
      return this.#pause(null);
    }
  }

  async #deliver(page: OutboxPage): Promise<Step> {
    const { teams, sink } = this.#options;
    const wanted = page.events.filter((event) => teams.length === 0 || teams.includes(teamOf(event) ?? ''));
    const delivery: Delivery = wanted.length === 0 ? { kind: 'taken' } : await sink.send(wanted, this.#stop.signal);
    switch (delivery.kind) {
      case 'taken':
        return this.#taken(page, wanted.length);
      case 'failed':
        return this.#failed(page, delivery.reason, delivery.retryAfterMs);
      case 'refused':
        return this.#refused(page, wanted, delivery);
    }
  }

  async #taken(page: OutboxPage, count: number): Promise<Step> {
    const { registration, observer, sink } = this.#options;
    const outcome = await this.#settle(page, { done: true, delivered: count > 0 });
    if (this.#failures > 0) observer.recovered(registration.name);
    this.#failures = 0;
    this.#refusals = 0;
    this.#pageSize = Math.min(this.#pageSize * 2, sink.maxEvents);
    if (outcome === 'settled' && count > 0) observer.delivered(registration.name, count);
    return MORE;
  }

  async #failed(page: OutboxPage, reason: string, retryAfterMs: number | null): Promise<Step> {
    this.#failures += 1;
    this.#options.observer.failed(this.#options.registration.name, reason, this.#failures);
    await this.#settle(page, { done: false, delivered: false, error: reason });
    return this.#pause(retryAfterMs);
  }

  async #refused(
    page: OutboxPage,
    wanted: readonly OutboxEvent[],
    { reason, heals }: Extract<Delivery, { kind: 'refused' }>,
  ): Promise<Step> {
    const [only] = wanted;
    if (only === undefined || wanted.length > 1) {
      this.#pageSize = Math.max(1, Math.ceil(page.events.length / 2));
      return MORE;
    }
    this.#refusals += 1;
    if (heals && this.#refusals < this.#options.maxAttempts) return this.#failed(page, reason, null);
    const event = { stream: only.stream, id: only.id };
    const outcome = await this.#settle(page, { done: true, delivered: false, error: reason, parked: event });
    this.#refusals = 0;
    this.#failures = 0;
    if (outcome === 'settled') this.#options.observer.parked(this.#options.registration.name, event, reason);
    return MORE;
  }

  /** @param done whether all of the page is delivered, parked or not wanted */
  async #settle(
    page: OutboxPage,
    how: { done: boolean; delivered: boolean; error?: string; parked?: EventKey },
  ): Promise<'settled' | 'lease_lost'> {
    const { outbox, registration, clock, onLeaseLost } = this.#options;
    const { parked, error = null } = how;
    const last = page.events.at(-1);
    const isStream = page.lane !== 'parked';
    const outcome = await outbox.settle({
      sink: registration.name,
      nowMs: clock.nowMs(),
      through: how.done && isStream && last !== undefined ? { stream: last.stream, position: last.position } : null,
      unparked: how.done && !isStream ? page.events.map(({ stream, id }) => ({ stream, id })) : [],
      parked: parked === undefined ? [] : [{ ...parked, reason: error ?? '' }],
      delivered: how.delivered,
      error,
    });
    if (outcome === 'lease_lost') onLeaseLost();
    return outcome;
  }

  #pause(retryAfterMs: number | null): Step {
    const { pauses, random } = this.#options;
    return { kind: 'pause', ms: pauseAfter(this.#failures, { bounds: pauses, retryAfterMs, random: random() }) };
  }

  #sleep(ms: number, how: 'wakeable' | 'to its end'): Promise<void> {
    if (this.#isStopping || (how === 'wakeable' && this.#wasWoken)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, ms).unref();
      this.#wake = () => {
        if (how === 'wakeable' || this.#isStopping) done();
      };
    });
  }
}

function teamOf(event: OutboxEvent): string | null {
  if (event.stream === 'usage') return event.record.team;
  return event.stream === 'corrections' ? event.correction.team : event.alert.team;
}

function endedMsOf(event: OutboxEvent): number {
  if (event.stream === 'usage') return Date.parse(event.record.ended_at ?? event.record.started_at);
  return Date.parse(event.stream === 'corrections' ? event.correction.created_at : event.alert.occurredAt);
}
