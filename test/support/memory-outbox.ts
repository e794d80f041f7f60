import type { Outbox, OutboxEvent, OutboxPage, Settlement, SinkRegistration } from '../../src/ledger/outbox.ts';
import { callRecord } from './call-record.ts';

/** The part of an outbox that a delivery works with, over a list; for one sink that takes usage. */
export class MemoryOutbox implements Pick<Outbox, 'nextPage' | 'settle'> {
  readonly events: OutboxEvent[] = [];
  readonly settlements: Settlement[] = [];
  readonly parked: { id: string; reason: string }[] = [];
  position = 0;
  leaseIsLost = false;
  /** Thrown by the next read. */
  failure: Error | null = null;

  add(count: number, team = 'research'): string[] {
    const records = Array.from({ length: count }, () => callRecord({ team }));
    for (const record of records) {
      this.events.push({ stream: 'usage', id: record.id, position: this.events.length + 1, record });
    }
    return records.map(({ id }) => id);
  }

  async nextPage(_sink: SinkRegistration, limit: number): Promise<OutboxPage> {
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
    const events = this.events.filter(({ position }) => position > this.position).slice(0, limit);
    return { lane: 'usage', events };
  }

  async settle(settlement: Settlement): Promise<'settled' | 'lease_lost'> {
    if (this.leaseIsLost) return 'lease_lost';
    this.settlements.push(settlement);
    this.position = settlement.through?.position ?? this.position;
    this.parked.push(...settlement.parked.map(({ id, reason }) => ({ id, reason })));
    return 'settled';
  }
}
