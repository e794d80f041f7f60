/**
 * The kinds of receiver that events can be sent to, and what each allows (standards.md 5.2; docs/sinks.md). The
 * configuration is checked against this table; how an event is written for each stands in the `sinks` room.
 */
export interface SinkKindRules {
  /** Where its makers run it; null where only the operator knows. */
  readonly defaultUrl: string | null;
  /** What it can take; the first is what it is sent unless the configuration says otherwise. */
  readonly streams: readonly ('usage' | 'alerts' | 'corrections')[];
  /** Most events in one request. */
  readonly maxBatch: number;
  /** Whether one event says one number only, so that the configuration must say which numbers. */
  readonly needsMeters: boolean;
  /** Whether events need an id of the receiver's own for the customer; elsewhere the team stands in for it. */
  readonly needsCustomer: boolean;
  readonly needsToken: boolean;
  /** Whether requests can be signed (https://www.standardwebhooks.com). */
  readonly canSign: boolean;
}

const billing = {
  streams: ['usage'],
  needsMeters: false,
  needsCustomer: false,
  needsToken: true,
  canSign: false,
} as const;
const hook = { defaultUrl: null, needsMeters: false, needsCustomer: false, needsToken: false, canSign: true } as const;

export const SINK_KINDS = {
  /** CloudEvents 1.0 in JSON; batched, or structured with `batch_size: 1` (https://github.com/cloudevents/spec). */
  cloudevents: { ...hook, streams: ['usage', 'alerts', 'corrections'], maxBatch: 1_000 },
  /** One event per request, in the shape and with the headers of Standard Webhooks. */
  webhook: { ...hook, streams: ['alerts', 'usage', 'corrections'], maxBatch: 1 },
  /** https://openmeter.io/docs/metering/events/overview */
  openmeter: { ...billing, defaultUrl: 'https://openmeter.cloud/api/v1/events', maxBatch: 1_000, needsToken: false },
  /** https://getlago.com/docs/api-reference/events/batch: at most 100, all or none. */
  lago: { ...billing, defaultUrl: 'https://api.getlago.com/api/v1/events/batch', maxBatch: 100 },
  /** https://docs.stripe.com/api/billing/meter-event/create: one event in a request, one number in an event. */
  stripe: {
    ...billing,
    defaultUrl: 'https://api.stripe.com/v1/billing/meter_events',
    maxBatch: 100,
    needsMeters: true,
    needsCustomer: true,
  },
  /** https://docs.withorb.com/events-and-metrics/event-ingestion */
  orb: { ...billing, defaultUrl: 'https://api.withorb.com/v1/ingest', maxBatch: 500 },
  /** https://docs.metronome.com/api-reference/usage/ingest-events */
  metronome: { ...billing, defaultUrl: 'https://api.metronome.com/v1/ingest', maxBatch: 100 },
} as const satisfies Record<string, SinkKindRules>;

export type SinkKindName = keyof typeof SINK_KINDS;

/** What a meter may count of a call. */
export const METER_VALUES = [
  'requests',
  'input_tokens',
  'output_tokens',
  'total_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'tool_calls',
  'cost_nano_usd',
] as const;
export type MeterValue = (typeof METER_VALUES)[number];
