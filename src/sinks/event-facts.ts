import { formatUsd } from '../core/money.ts';
import type { MeterValue } from '../core/sink-kinds.ts';
import type { SettledCorrection } from '../ledger/correction.ts';
import type { OutboxEvent } from '../ledger/outbox.ts';
import type { CallRecord } from '../ledger/record.ts';
import type { SinkSettings } from './sink-settings.ts';

/** A value as it can stand in an event. */
export type FactValue =
  | string
  | number
  | boolean
  | null
  | readonly FactValue[]
  | { readonly [name: string]: FactValue };

/**
 * What the tables of `event-shapes.ts` choose from, the same for every receiver. Null members are left out of what is
 * sent.
 */
export interface EventFacts {
  /** The id of the record, the correction or the alert; with meters, a colon and the meter's name behind it. The same on every try. */
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly team: string | null;
  readonly customer: string | null;
  /** ISO 8601, UTC: when the call ended, the correction was made, or the alert arose. */
  readonly time: string;
  readonly schema: string;
  /** Everything, as docs/record.md names it, without the upstream's raw usage object. */
  readonly data: Readonly<Record<string, FactValue>>;
  /** The same without levels: what billing systems group and sum by. */
  readonly properties: Readonly<Record<string, string | number>>;
  /** The meter's count, as whole digits; null without meters. */
  readonly value: string | null;
  /** The cost in US cents as an exact decimal; null with meters, whose events would each repeat it. */
  readonly costCents: string | null;
}

/** Why no event can be made of a call; only a change of the configuration helps. */
export class NoCustomer extends Error {
  override readonly name = 'NoCustomer';
}

/** Members of a record that are sent: its own names. `usage_raw` stays here: it is whatever an upstream wrote. */
const DATA_MEMBERS = [
  'id',
  'started_at',
  'ended_at',
  'duration_ms',
  'ttft_ms',
  'team',
  'key_id',
  'run_id',
  'parent_run_id',
  'session_id',
  'agent',
  'user',
  'trace_id',
  'labels',
  'tags',
  'upstream',
  'endpoint',
  'stream',
  'request_model',
  'response_model',
  'service_tier',
  'status',
  'ending',
  'error_code',
  'client_retry',
  'retry_of',
  'upstream_id',
  'usage_source',
  'cost_nano_usd',
  'cost_usd',
  'price_id',
  'cost_reported_usd',
  'cost_input_nano_usd',
  'cost_cache_read_nano_usd',
  'cost_cache_write_nano_usd',
  'cost_output_nano_usd',
  'units',
] as const satisfies readonly (keyof CallRecord)[];

const PROPERTY_MEMBERS = [
  'team',
  'key_id',
  'run_id',
  'session_id',
  'agent',
  'user',
  'upstream',
  'endpoint',
  'service_tier',
  'usage_source',
  'ending',
  'cost_usd',
] as const satisfies readonly (keyof CallRecord)[];

const PROPERTY_COUNTS = [
  'input_tokens',
  'output_tokens',
  'total_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'tool_calls',
] as const;

/**
 * Says in facts what an event of the outbox is for a sink: one of each, but of a call with meters one for each meter
 * that counted something. @throws NoCustomer where the receiver needs one and none is configured for the team
 */
export function factsOf(event: OutboxEvent, settings: SinkSettings, needsCustomer: boolean): EventFacts[] {
  if (event.stream === 'alerts') return [alertFacts(event, settings)];
  if (event.stream === 'corrections') return [correctionFacts(event.correction, settings)];
  const customer = customerOf(event.record, settings);
  if (customer === null && needsCustomer) {
    throw new NoCustomer(`no customer is configured for the team ${JSON.stringify(event.record.team)}`);
  }
  const facts = usageFacts(event.record, settings, customer ?? event.record.team);
  if (settings.meters.length === 0) return [facts];
  return settings.meters.flatMap((meter) => {
    const value = countOf(event.record, meter.value);
    if (value === null || value === 0) return [];
    const properties = { ...facts.properties, value };
    const id = `${facts.id}:${meter.eventName}`;
    return [{ ...facts, id, type: meter.eventName, properties, value: String(value), costCents: null }];
  });
}

function customerOf(
  record: Pick<CallRecord, 'labels' | 'team'>,
  { customerLabel, customers }: SinkSettings,
): string | null {
  const label = customerLabel === null ? undefined : record.labels[customerLabel];
  return label ?? (Object.hasOwn(customers, record.team) ? (customers[record.team] ?? null) : null);
}

function usageFacts(record: CallRecord, settings: SinkSettings, customer: string): EventFacts {
  return {
    id: record.id,
    type: settings.eventName,
    source: settings.source,
    team: record.team,
    customer,
    time: record.ended_at ?? record.started_at,
    schema: 'urn:metertap:usage:1',
    data: { ...pick(record, DATA_MEMBERS), usage: usageOf(record) },
    properties: propertiesOf(record),
    value: null,
    costCents: record.cost_nano_usd === null ? null : centsText(record.cost_nano_usd),
  };
}

/**
 * A correction says what it adds and what holds now, under its own id, and whose call it was; nothing was used. Only
 * kinds that take `corrections` are sent any (`core/sink-kinds.ts`).
 */
function correctionFacts(correction: SettledCorrection, settings: SinkSettings): EventFacts {
  const { record, team } = correction;
  return {
    id: correction.id,
    type: 'cost.corrected',
    source: settings.source,
    team,
    customer: customerOf({ team, labels: record?.labels ?? {} }, settings) ?? team,
    time: correction.created_at,
    schema: 'urn:metertap:correction:1',
    data: correctionData(correction),
    properties: {},
    value: null,
    costCents: null,
  };
}

function correctionData(correction: SettledCorrection): Record<string, FactValue> {
  const { record } = correction;
  const before = correction.cost_before_nano_usd;
  return {
    id: correction.id,
    record_id: correction.record_id,
    created_at: correction.created_at,
    period: correction.period,
    reason: correction.reason,
    actor: correction.actor,
    started_at: correction.record_started_at,
    team: correction.team,
    key_id: correction.key_id,
    run_id: correction.run_id,
    session_id: record?.session_id ?? null,
    agent: record?.agent ?? null,
    user: record?.user ?? null,
    labels: record?.labels ?? {},
    tags: record?.tags ?? {},
    upstream: correction.upstream,
    model: correction.model || null,
    delta_nano_usd: correction.delta_nano_usd,
    delta_usd: formatUsd(correction.delta_nano_usd),
    cost_before_nano_usd: before,
    cost_before_usd: before === null ? null : formatUsd(before),
    cost_after_nano_usd: correction.cost_after_nano_usd,
    cost_after_usd: formatUsd(correction.cost_after_nano_usd),
    price_id_before: correction.price_id_before,
    price_id_after: correction.price_id_after,
  };
}

function alertFacts({ alert }: Extract<OutboxEvent, { stream: 'alerts' }>, settings: SinkSettings): EventFacts {
  const data: Record<string, FactValue> = {};
  for (const [name, value] of Object.entries(alert.data)) if (isPlain(value)) data[name] = value;
  return {
    id: alert.id,
    type: alert.type,
    source: settings.source,
    team: alert.team,
    customer: alert.team,
    time: alert.occurredAt,
    schema: 'urn:metertap:alert:1',
    data: { team: alert.team, ...data },
    properties: {},
    value: null,
    costCents: null,
  };
}

function isPlain(value: unknown): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function pick(record: CallRecord, names: readonly (typeof DATA_MEMBERS)[number][]): Record<string, FactValue> {
  return Object.fromEntries(names.map((name) => [name, record[name]]));
}

function usageOf({ usage }: CallRecord): FactValue {
  return usage === null ? null : { ...usage, details: { ...usage.details } };
}

function propertiesOf(record: CallRecord): Record<string, string | number> {
  const properties: Record<string, string | number> = { model: record.response_model ?? record.request_model ?? '' };
  for (const name of PROPERTY_MEMBERS) {
    const value = record[name];
    if (value !== null) properties[name] = value;
  }
  if (record.usage !== null) for (const name of PROPERTY_COUNTS) properties[name] = record.usage[name];
  return properties;
}

/** What a meter counts of a call; null where it is not known. */
function countOf(record: CallRecord, value: MeterValue): number | null {
  if (value === 'requests') return 1;
  if (value === 'cost_nano_usd') return record.cost_nano_usd;
  return record.usage === null ? null : record.usage[value];
}

/** 2,345,600 nano-USD are "0.2345600" cents. */
function centsText(nanoUsd: number): string {
  const nano = BigInt(nanoUsd);
  const magnitude = nano < 0n ? -nano : nano;
  return `${nano < 0n ? '-' : ''}${magnitude / 10_000_000n}.${String(magnitude % 10_000_000n).padStart(7, '0')}`;
}
