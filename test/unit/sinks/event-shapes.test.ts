import { describe, expect, it } from 'vitest';
import type { SinkKindName } from '../../../src/core/sink-kinds.ts';
import type { OutboxEvent } from '../../../src/ledger/outbox.ts';
import { factsOf, NoCustomer } from '../../../src/sinks/event-facts.ts';
import { EVENT_SHAPES } from '../../../src/sinks/event-shapes.ts';
import { writeBodies } from '../../../src/sinks/request-body.ts';
import type { SinkSettings } from '../../../src/sinks/sink-settings.ts';
import { makeCallRecord, makeUsage } from '../../support/make-call-record.ts';
import { sinkSettings } from '../../support/sink-settings.ts';

/** Began at noon of 22 November 2026 and one second; ended half a second later. */
const RECORD = makeCallRecord(1, {
  run_id: 'nightly-42',
  labels: { stripe_customer: 'cus_of_the_key' },
  usage: makeUsage({ input_tokens: 1200, cache_read_tokens: 1024, output_tokens: 300, reasoning_tokens: 256 }),
  cost_nano_usd: 2_345_600,
});
const ENDED_UNIX_SECONDS = Date.UTC(2026, 10, 22, 12, 0, 1) / 1000;
const CALL: OutboxEvent = { stream: 'usage', id: RECORD.id, position: 1, record: RECORD };
const ALERT: OutboxEvent = {
  stream: 'alerts',
  id: '01ALERT',
  position: 1,
  alert: {
    id: '01ALERT',
    type: 'run.over_budget',
    team: 'research',
    occurredAt: '2026-11-22T12:00:00.000Z',
    data: { run_id: 'nightly-42', budget_usd: '1.00', used_usd: '1.20' },
  },
};

function written(kind: SinkKindName, given: Partial<SinkSettings> = {}, events: readonly OutboxEvent[] = [CALL]) {
  const settings = sinkSettings(kind, given);
  const facts = events.flatMap((event) => factsOf(event, settings, kind === 'stripe'));
  return writeBodies(facts, EVENT_SHAPES[kind], settings.batchSize);
}

function json(bodies: ReturnType<typeof written>): unknown {
  return JSON.parse(bodies[0]?.text ?? '');
}

describe('CloudEvents 1.0', () => {
  it('are a batch in their own media type, with the record as data', () => {
    const bodies = written('cloudevents', { customers: {} });
    expect(bodies[0]?.contentType).toBe('application/cloudevents-batch+json');
    expect(json(bodies)).toMatchObject([
      {
        specversion: '1.0',
        id: RECORD.id,
        source: '/metertap',
        type: 'llm.usage.v1',
        subject: 'research',
        time: '2026-11-22T12:00:01.500Z',
        datacontenttype: 'application/json',
        dataschema: 'urn:metertap:usage:1',
        data: {
          id: RECORD.id,
          team: 'research',
          run_id: 'nightly-42',
          usage: { input_tokens: 1200, cache_read_tokens: 1024, output_tokens: 300, reasoning_tokens: 256 },
          usage_source: 'reported',
          cost_nano_usd: 2_345_600,
          cost_usd: '0.002345600',
        },
      },
    ]);
  });

  it('stand alone, structured, with a batch size of 1', () => {
    const bodies = written('cloudevents', { batchSize: 1 });
    expect(bodies[0]?.contentType).toBe('application/cloudevents+json');
    expect(json(bodies)).toMatchObject({ specversion: '1.0', id: RECORD.id });
  });

  it('say missing where usage is missing, not zero', () => {
    const record = { ...RECORD, usage: null, usage_source: 'missing', cost_nano_usd: null, cost_usd: null } as const;
    const [event] = [json(written('cloudevents', {}, [{ ...CALL, record }]))];
    expect(event).toMatchObject([{ data: { usage: null, usage_source: 'missing', cost_usd: null } }]);
  });

  it('carry alerts too', () => {
    expect(json(written('cloudevents', {}, [ALERT]))).toMatchObject([
      {
        id: '01ALERT',
        type: 'run.over_budget',
        subject: 'research',
        data: { team: 'research', run_id: 'nightly-42', budget_usd: '1.00', used_usd: '1.20' },
      },
    ]);
  });
});

describe('webhook', () => {
  it('has the payload that Standard Webhooks recommends', () => {
    expect(json(written('webhook', {}, [ALERT]))).toEqual({
      type: 'run.over_budget',
      timestamp: '2026-11-22T12:00:00.000Z',
      id: '01ALERT',
      data: { team: 'research', run_id: 'nightly-42', budget_usd: '1.00', used_usd: '1.20' },
    });
  });
});

describe('OpenMeter', () => {
  it('gets CloudEvents with the customer as subject', () => {
    const bodies = written('openmeter');
    expect(bodies[0]?.contentType).toBe('application/cloudevents-batch+json');
    expect(json(bodies)).toMatchObject([{ specversion: '1.0', id: RECORD.id, subject: 'cus_1', type: 'llm.usage.v1' }]);
  });
});

describe('Lago', () => {
  it('gets a batch of events', () => {
    expect(json(written('lago', { eventName: 'llm_usage' }))).toEqual({
      events: [
        {
          transaction_id: RECORD.id,
          external_subscription_id: 'cus_1',
          code: 'llm_usage',
          timestamp: ENDED_UNIX_SECONDS,
          precise_total_amount_cents: '0.2345600',
          properties: {
            model: 'gpt-5-mini-2026-02-01',
            team: 'research',
            key_id: 'ci',
            run_id: 'nightly-42',
            upstream: 'openai',
            endpoint: 'chat/completions',
            service_tier: 'default',
            usage_source: 'reported',
            ending: 'completed',
            cost_usd: '0.002345600',
            input_tokens: 1200,
            output_tokens: 300,
            total_tokens: 1500,
            cache_read_tokens: 1024,
            cache_write_tokens: 0,
            reasoning_tokens: 256,
            tool_calls: 0,
          },
        },
      ],
    });
  });

  it('gets one event for each meter, each under an id of its own, and no amount twice', () => {
    const meters = [
      { eventName: 'tokens_in', value: 'input_tokens' },
      { eventName: 'tokens_out', value: 'output_tokens' },
      { eventName: 'tools', value: 'tool_calls' },
    ] as const;
    const body = json(written('lago', { meters }));
    expect(body).toMatchObject({
      events: [
        { transaction_id: `${RECORD.id}:tokens_in`, code: 'tokens_in', properties: { value: 1200 } },
        { transaction_id: `${RECORD.id}:tokens_out`, code: 'tokens_out', properties: { value: 300 } },
      ],
    });
    expect(JSON.stringify(body)).not.toContain('precise_total_amount_cents');
  });

  it('gets no more than 100 in a request', () => {
    const bodies = written(
      'lago',
      {},
      Array.from({ length: 250 }, () => CALL),
    );
    expect(bodies.map(({ eventIds }) => eventIds.length)).toEqual([100, 100, 50]);
  });
});

describe('Stripe meter events', () => {
  const METERS = [
    { eventName: 'llm_input_tokens', value: 'input_tokens' },
    { eventName: 'llm_cost_nano_usd', value: 'cost_nano_usd' },
  ] as const;

  it('are forms, one event in a request, the value in whole digits', () => {
    const bodies = written('stripe', { meters: METERS });
    expect(bodies.map(({ contentType }) => contentType)).toEqual(Array(2).fill('application/x-www-form-urlencoded'));
    expect(bodies.map(({ text }) => Object.fromEntries(new URLSearchParams(text)))).toEqual([
      {
        event_name: 'llm_input_tokens',
        identifier: `${RECORD.id}:llm_input_tokens`,
        timestamp: String(ENDED_UNIX_SECONDS),
        'payload[stripe_customer_id]': 'cus_1',
        'payload[value]': '1200',
      },
      {
        event_name: 'llm_cost_nano_usd',
        identifier: `${RECORD.id}:llm_cost_nano_usd`,
        timestamp: String(ENDED_UNIX_SECONDS),
        'payload[stripe_customer_id]': 'cus_1',
        'payload[value]': '2345600',
      },
    ]);
  });

  it('take the customer from the label of the key before that of the team', () => {
    const [body] = written('stripe', { customerLabel: 'stripe_customer' });
    expect(new URLSearchParams(body?.text).get('payload[stripe_customer_id]')).toBe('cus_of_the_key');
  });

  it('are not made of what is not known', () => {
    const record = { ...RECORD, usage: null, cost_nano_usd: null };
    expect(written('stripe', { meters: METERS }, [{ ...CALL, record }])).toEqual([]);
  });

  it('cannot be made for a team without a customer', () => {
    const record = { ...RECORD, team: 'sales', labels: {} };
    expect(() => written('stripe', {}, [{ ...CALL, record }])).toThrow(NoCustomer);
  });
});

describe('Orb', () => {
  it('gets a list of events under their idempotency keys', () => {
    expect(json(written('orb', { eventName: 'llm_usage' }))).toMatchObject({
      events: [
        {
          idempotency_key: RECORD.id,
          event_name: 'llm_usage',
          timestamp: '2026-11-22T12:00:01.500Z',
          external_customer_id: 'cus_1',
          properties: { input_tokens: 1200, model: 'gpt-5-mini-2026-02-01' },
        },
      ],
    });
  });
});

describe('Metronome', () => {
  it('gets an array of events whose properties are texts', () => {
    expect(json(written('metronome', { eventName: 'llm_usage' }))).toMatchObject([
      {
        transaction_id: RECORD.id,
        customer_id: 'cus_1',
        event_type: 'llm_usage',
        timestamp: '2026-11-22T12:00:01.500Z',
        properties: { input_tokens: '1200', output_tokens: '300' },
      },
    ]);
  });
});
