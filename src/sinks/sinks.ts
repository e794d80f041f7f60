import type { Clock } from '../core/clock.ts';
import { SINK_KINDS } from '../core/sink-kinds.ts';
import type { EventStream, Outbox } from '../ledger/outbox.ts';
import { HttpSink } from './http-sink.ts';
import type { PauseBounds } from './retry-pause.ts';
import { type DeliveryObserver, SinkDelivery } from './sink-delivery.ts';
import type { SinkSettings } from './sink-settings.ts';
import type { Delivery } from './usage-sink.ts';

export interface SinksOptions {
  readonly settings: readonly SinkSettings[];
  readonly outbox: Outbox;
  readonly observer: DeliveryObserver;
  readonly clock: Clock;
  /** A number from 0 to 1, for pauses. */
  readonly random: () => number;
  readonly pauses?: PauseBounds;
}

/** A lease outlives a few renewals that come late; a process that was killed is known sooner, by its lock. */
const LEASE_MS = 20_000;
const RENEW_MS = 5_000;
const IDLE_MS = 1_000;
const PAUSES: PauseBounds = { firstMs: 500, lastMs: 300_000 };

interface RunningSink {
  readonly settings: SinkSettings;
  readonly sink: HttpSink;
  readonly delivery: SinkDelivery;
}

/** The configured sinks of this process: keeps their leases, and delivers to those whose lease it has. */
export class Sinks {
  readonly #options: SinksOptions;
  readonly #sinks: readonly RunningSink[];
  #held: ReadonlySet<string> = new Set();
  #heldUntilMs = 0;
  #renewing: NodeJS.Timeout | null = null;
  #lastClaim: Promise<void> = Promise.resolve();

  constructor(options: SinksOptions) {
    this.#options = options;
    this.#sinks = options.settings.map((settings) => this.#make(settings));
  }

  /** Makes the sinks known to the ledger, so that what settles from now on is kept for them, and begins to deliver. */
  async start(): Promise<void> {
    if (this.#sinks.length === 0) return;
    await this.#claim();
    this.#renewing = setInterval(() => {
      this.#lastClaim = this.#claim();
    }, RENEW_MS).unref();
    for (const { delivery } of this.#sinks) delivery.start();
  }

  /** Says that events of this stream have come. */
  wake(stream: EventStream): void {
    for (const { settings, delivery } of this.#sinks) if (settings.streams.includes(stream)) delivery.wake();
  }

  /** How far each sink that this process delivers to is behind. */
  lags(): { readonly name: string; readonly lagMs: number }[] {
    return this.#sinks.map(({ settings, delivery }) => ({
      name: settings.name,
      lagMs: this.#isHolder(settings.name) ? delivery.lagMs : 0,
    }));
  }

  /**
   * Sends an event of its own to a sink, past the outbox, by whichever process is asked. Null where no sink has this
   * name; `not_possible` where the receiver would bill it.
   *
   * @param id of the event; a ULID
   */
  async sendTest(name: string, id: string): Promise<Delivery | 'not_possible' | null> {
    const found = this.#sinks.find(({ settings }) => settings.name === name);
    if (found === undefined) return null;
    const streams: readonly EventStream[] = SINK_KINDS[found.settings.kind].streams;
    if (!streams.includes('alerts')) return 'not_possible';
    const occurredAt = new Date(this.#options.clock.nowMs()).toISOString();
    const alert = { id, type: 'sink.test', team: null, occurredAt, data: { sink: name } } as const;
    const never = new AbortController();
    return found.sink.send([{ stream: 'alerts', id, position: 0, alert }], never.signal);
  }

  /** Delivers what waits within `graceMs`, as far as it goes well, and gives the leases back. */
  async stop(graceMs: number): Promise<void> {
    if (this.#renewing !== null) clearInterval(this.#renewing);
    if (this.#sinks.length === 0) return;
    await Promise.all(this.#sinks.map(({ delivery }) => delivery.stop(graceMs)));
    await this.#lastClaim;
    this.#held = new Set();
    await this.#options.outbox.release().catch((error) => this.#options.observer.fault('all', error));
  }

  #make(settings: SinkSettings): RunningSink {
    const { outbox, observer, clock, random, pauses = PAUSES } = this.#options;
    const { name, streams, teams, maxAttempts } = settings;
    const sink = new HttpSink(settings, clock);
    const delivery = new SinkDelivery({
      registration: { name, streams },
      sink,
      teams,
      maxAttempts,
      outbox,
      isHolder: () => this.#isHolder(name),
      onLeaseLost: () => {
        this.#held = new Set([...this.#held].filter((held) => held !== name));
      },
      observer,
      clock,
      random,
      pauses,
      idleMs: IDLE_MS,
    });
    return { settings, sink, delivery };
  }

  #isHolder(name: string): boolean {
    return this.#held.has(name) && this.#options.clock.monotonicMs() < this.#heldUntilMs;
  }

  /** Never rejects: a ledger that cannot be written ends the leases by time. */
  async #claim(): Promise<void> {
    const { outbox, clock, observer, settings } = this.#options;
    const askedAtMs = clock.monotonicMs();
    try {
      const registrations = settings.map(({ name, streams }) => ({ name, streams }));
      this.#held = new Set(await outbox.claim(registrations, LEASE_MS));
      this.#heldUntilMs = askedAtMs + LEASE_MS;
      for (const { delivery } of this.#sinks) delivery.wake();
    } catch (error) {
      observer.fault('all', error);
    }
  }
}
