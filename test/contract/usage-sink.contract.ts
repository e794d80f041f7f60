import { describe, expect, it } from 'vitest';
import type { OutboxEvent } from '../../src/ledger/outbox.ts';
import type { UsageSink } from '../../src/sinks/usage-sink.ts';
import { callRecord } from '../support/call-record.ts';
import { type EventReceiver, startEventReceiver } from '../support/event-receiver.ts';

export interface SinkUnderTest {
  readonly name: string;
  /** Makes the sink for a receiver, with this patience. */
  readonly open: (receiverUrl: string, timeoutMs: number) => UsageSink;
  /** Everything that configures it and must not be in any reason. */
  readonly secrets: readonly string[];
}

const NEVER = new AbortController().signal;

function events(count: number): OutboxEvent[] {
  return Array.from({ length: count }, (_, n) => {
    const record = callRecord({ usage_raw: { secret_of_the_upstream: 'kept here' } });
    return { stream: 'usage', id: record.id, position: n + 1, record };
  });
}

/** What a request must be known by: its body and the header by which a receiver knows a repetition. */
function identityOf(receiver: EventReceiver, from: number): unknown[] {
  const identities = receiver.requests
    .slice(from)
    .map(({ text, headers }) => JSON.stringify([text, headers['webhook-id'], headers['idempotency-key']]));
  return identities.toSorted();
}

/** What every way out must do (design.md, "Extension points"). */
export function describeUsageSink({ name, open, secrets }: SinkUnderTest): void {
  describe(name, () => {
    it('sends every event once, and nothing that the upstream wrote', async () => {
      await using receiver = await startEventReceiver();
      const sink = open(receiver.url, 5_000);
      const sent = events(Math.min(7, sink.maxEvents));
      expect(await sink.send(sent, NEVER)).toEqual({ kind: 'taken' });
      const all = receiver.requests.map(({ text }) => decodeURIComponent(text)).join('\n');
      for (const { id } of sent) expect(all).toContain(id);
      expect(all).not.toContain('secret_of_the_upstream');
      for (const secret of secrets) expect(all).not.toContain(secret);
    });

    it('sends the same events again under the same ids, byte for byte', async () => {
      await using receiver = await startEventReceiver();
      const sink = open(receiver.url, 5_000);
      const sent = events(Math.min(3, sink.maxEvents));
      await sink.send(sent, NEVER);
      const first = identityOf(receiver, 0);
      await sink.send(sent, NEVER);
      expect(identityOf(receiver, first.length)).toEqual(first);
    });

    it.each([400, 413, 422])('calls events refused that are answered with %i', async (status) => {
      await using receiver = await startEventReceiver();
      receiver.answer(() => status);
      const delivery = await open(receiver.url, 5_000).send(events(1), NEVER);
      expect(delivery).toMatchObject({ kind: 'refused', heals: true, reason: `HTTP ${status}` });
    });

    it.each([401, 404, 408, 429, 500, 503])('says that it failed, and not the events, at %i', async (status) => {
      await using receiver = await startEventReceiver();
      receiver.answer(() => status);
      expect(await open(receiver.url, 5_000).send(events(1), NEVER)).toMatchObject({ kind: 'failed' });
    });

    it('gives on how long the receiver asks to be left alone', async () => {
      await using receiver = await startEventReceiver();
      receiver.answer((_request, response) => {
        response.writeHead(429, { 'retry-after': '7' }).end();
        return null;
      });
      expect(await open(receiver.url, 5_000).send(events(1), NEVER)).toMatchObject({ retryAfterMs: 7_000 });
    });

    it('does not follow a redirect with its credentials', async () => {
      await using elsewhere = await startEventReceiver();
      await using receiver = await startEventReceiver();
      receiver.answer((_request, response) => {
        response.writeHead(307, { location: elsewhere.url }).end();
        return null;
      });
      expect(await open(receiver.url, 5_000).send(events(1), NEVER)).toMatchObject({ kind: 'failed' });
      expect(elsewhere.requests).toEqual([]);
    });

    it('gives up a receiver that does not answer', async () => {
      await using receiver = await startEventReceiver();
      receiver.answer(() => null);
      const delivery = await open(receiver.url, 50).send(events(1), NEVER);
      expect(delivery).toEqual({ kind: 'failed', reason: 'no answer within 50 ms', retryAfterMs: null });
    });

    it('says that a receiver is not there', async () => {
      const receiver = await startEventReceiver();
      await receiver.close();
      const delivery = await open(receiver.url, 5_000).send(events(1), NEVER);
      expect(delivery).toMatchObject({ kind: 'failed', reason: 'the connection failed (ECONNREFUSED)' });
    });

    it('ends at once when it is told to stop', async () => {
      await using receiver = await startEventReceiver();
      const stop = new AbortController();
      receiver.answer(() => {
        stop.abort();
        return null;
      });
      expect(await open(receiver.url, 60_000).send(events(1), stop.signal)).toMatchObject({ kind: 'failed' });
    });

    it('repeats no secret that a receiver repeats', async () => {
      await using receiver = await startEventReceiver();
      receiver.answer((request, response) => {
        response.writeHead(400).end(`not good: ${JSON.stringify(request.headers)}\u0007\n${'x'.repeat(10_000)}`);
        return null;
      });
      const delivery = await open(receiver.url, 5_000).send(events(1), NEVER);
      const reason = delivery.kind === 'refused' ? delivery.reason : '';
      expect(reason).toMatch(/^HTTP 400: not good/);
      expect(reason.length).toBeLessThan(300);
      for (const secret of secrets) expect(reason).not.toContain(secret);
    });
  });
}
