import type { SinkKindName } from '../core/sink-kinds.ts';
import type { EventFacts, FactValue } from './event-facts.ts';

/**
 * How each kind of receiver wants an event: a table of its members, and for each of them the fact that stands there. A
 * new receiver of this sort is one entry here and one in `core/sink-kinds.ts`.
 */
export interface EventShape {
  readonly event: Template;
  /** `list`: a JSON array. `events`: an object with a member of that name. `one`: one event is the whole body. */
  readonly body: 'one' | 'list' | 'events';
  readonly encoding: 'json' | 'form';
  readonly contentType: string;
  /** Where a single event is sent bare, as `one`, under this type. */
  readonly singleContentType?: string;
  /** Requests of one delivery that may be under way together. */
  readonly parallelRequests: number;
  /** A header with the id of the event, for receivers that know a repeated request by it; only with `body: 'one'`. */
  readonly idHeader?: string;
  /** What an answer of refusal says when the receiver has the event already, which is as good as taken. */
  readonly alreadyTaken?: RegExp;
}

type FactName = keyof EventFacts;
type Form = 'as_is' | 'unix_seconds' | 'texts';
export interface Field {
  readonly fact: FactName;
  readonly form: Form;
}
export type Template = Field | string | { readonly [member: string]: Template };

const fact = (name: FactName, form: Form = 'as_is'): Field => ({ fact: name, form });

/** CloudEvents 1.0.2, JSON format (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md). */
const CLOUD_EVENT: Template = {
  specversion: '1.0',
  id: fact('id'),
  source: fact('source'),
  type: fact('type'),
  subject: fact('customer'),
  time: fact('time'),
  datacontenttype: 'application/json',
  dataschema: fact('schema'),
  data: fact('data'),
};

const JSON_TYPE = { encoding: 'json', contentType: 'application/json', parallelRequests: 1 } as const;
const CLOUD_EVENTS: EventShape = {
  ...JSON_TYPE,
  event: CLOUD_EVENT,
  body: 'list',
  contentType: 'application/cloudevents-batch+json',
  singleContentType: 'application/cloudevents+json',
};

export const EVENT_SHAPES: Readonly<Record<SinkKindName, EventShape>> = {
  cloudevents: CLOUD_EVENTS,
  webhook: {
    ...JSON_TYPE,
    event: { type: fact('type'), timestamp: fact('time'), id: fact('id'), data: fact('data') },
    body: 'one',
  },
  /** Meters read `data` by JSONPath: `$.usage.input_tokens`, or `$.value` where meters are configured. */
  openmeter: CLOUD_EVENTS,
  lago: {
    ...JSON_TYPE,
    event: {
      transaction_id: fact('id'),
      external_subscription_id: fact('customer'),
      code: fact('type'),
      timestamp: fact('time', 'unix_seconds'),
      precise_total_amount_cents: fact('costCents'),
      properties: fact('properties'),
    },
    body: 'events',
    alreadyTaken: /value_already_exist/,
  },
  stripe: {
    event: {
      event_name: fact('type'),
      identifier: fact('id'),
      timestamp: fact('time', 'unix_seconds'),
      payload: { stripe_customer_id: fact('customer'), value: fact('value') },
    },
    body: 'one',
    encoding: 'form',
    contentType: 'application/x-www-form-urlencoded',
    idHeader: 'idempotency-key',
    parallelRequests: 8,
    alreadyTaken: /duplicate_meter_event|already exists with identifier/i,
  },
  orb: {
    ...JSON_TYPE,
    event: {
      idempotency_key: fact('id'),
      event_name: fact('type'),
      timestamp: fact('time'),
      external_customer_id: fact('customer'),
      properties: fact('properties'),
    },
    body: 'events',
  },
  metronome: {
    ...JSON_TYPE,
    event: {
      transaction_id: fact('id'),
      customer_id: fact('customer'),
      event_type: fact('type'),
      timestamp: fact('time'),
      properties: fact('properties', 'texts'),
    },
    body: 'list',
  },
};

/** Fills a table of members with the facts of one event. Members without a value are left out. */
export function fill(template: Template, facts: EventFacts): FactValue {
  if (typeof template === 'string') return template;
  if (isField(template)) return formed(facts[template.fact], template.form);
  const members = Object.entries(template).map(([name, inner]) => [name, fill(inner, facts)] as const);
  return Object.fromEntries(members.filter(([, value]) => value !== null));
}

function isField(template: Exclude<Template, string>): template is Field {
  return 'fact' in template && 'form' in template && typeof template.form === 'string';
}

function formed(value: FactValue, form: Form): FactValue {
  if (form === 'unix_seconds') return Math.floor(Date.parse(String(value)) / 1000);
  if (form === 'texts' && typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, String(inner)]));
  }
  return value;
}
