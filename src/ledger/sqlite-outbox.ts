import type { Clock } from '../core/clock.ts';
import type { JournalLink } from './journal-link.ts';
import type { NewAlert, Outbox, OutboxPage, Settlement, SinkRegistration, SinkStanding } from './outbox.ts';
import type { SqliteReader } from './reader.ts';

/** The outbox over SQLite, as the main thread sees it: writes go to the journal's thread, reads to the reading one. */
export class SqliteOutbox implements Outbox {
  readonly #link: JournalLink;
  readonly #reader: SqliteReader;
  readonly #clock: Clock;

  constructor(parts: { readonly link: JournalLink; readonly reader: SqliteReader; readonly clock: Clock }) {
    this.#link = parts.link;
    this.#reader = parts.reader;
    this.#clock = parts.clock;
  }

  claim(sinks: readonly SinkRegistration[], leaseMs: number): Promise<readonly string[]> {
    return this.#link.call('claimSinks', { sinks, leaseMs, nowMs: this.#clock.nowMs() });
  }

  async release(): Promise<void> {
    await this.#link.call('releaseSinks', null);
  }

  nextPage(sink: SinkRegistration, limit: number): Promise<OutboxPage> {
    return this.#reader.outboxPage(sink, limit);
  }

  settle(settlement: Settlement): Promise<'settled' | 'lease_lost'> {
    return this.#link.call('settleDelivery', settlement);
  }

  retryParked(sink: string): Promise<number | null> {
    return this.#link.call('retryParked', sink);
  }

  standings(): Promise<readonly SinkStanding[]> {
    return this.#reader.sinkStandings();
  }

  addAlert(alert: NewAlert): Promise<'added' | 'known'> {
    return this.#link.call('addAlert', alert);
  }
}
