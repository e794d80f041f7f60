import Type, { type Static } from 'typebox';
import { METER_VALUES, SINK_KINDS, type SinkKindName, type SinkKindRules } from '../core/sink-kinds.ts';
import { HEADER_NAME, HEADER_VALUE } from './header-rules.ts';
import {
  checkedText,
  choice,
  entry,
  id,
  list,
  map,
  milliseconds,
  nonEmptyList,
  text,
  VISIBLE_ASCII,
  wholeNumber,
} from './schema-parts.ts';
import { isEndpointUrl, isWebhookSecret } from './text-rules.ts';

const NAME = { pattern: '^[a-z0-9_.-]{1,64}$', expects: '1 to 64 small letters, digits, dots, hyphens or underscores' };

const METER_ENTRY = entry('a meter', {
  event_name: text({
    description: 'What the receiver calls it; also a part of the id of the event.',
    pattern: '^[A-Za-z0-9_-]{1,64}$',
    expects: '1 to 64 letters, digits, underscores or hyphens',
  }),
  value: choice([...METER_VALUES], {
    description: 'What of a call it counts. A call without any of it makes no event.',
  }),
});

const SINK_FIELDS = entry('a sink', {
  name: text({ ...NAME, description: 'Its name in logs and metrics, and that under which its position is kept.' }),
  kind: choice(['cloudevents', 'webhook', 'openmeter', 'lago', 'stripe', 'orb', 'metronome'], {
    description: 'What it understands; [sinks.md](sinks.md) shows each.',
  }),
  url: Type.Optional(
    checkedText(isEndpointUrl, {
      description: 'The whole address that is posted to. Required for `cloudevents` and `webhook`.',
      expects: 'an http or https URL without fragment and credentials',
      hint: 'write the whole address, such as https://example.com/events; a credential belongs in token or headers',
      secret: 'url',
      defaultText: "the hosted one of the kind's makers",
    }),
  ),
  events: Type.Optional(
    nonEmptyList(choice(['usage', 'alerts', 'corrections'], { description: 'A stream of events.' }), {
      description:
        'What it is sent: settled calls, alerts, corrections of costs, or several of them. Billing systems take usage only.',
      defaultText: '`["alerts"]` for `webhook`, else `["usage"]`',
    }),
  ),
  token: Type.Optional(
    text({
      description: 'Sent as `Authorization: Bearer`.',
      pattern: VISIBLE_ASCII,
      expects: 'one line of printable characters without blanks',
      secret: 'whole',
    }),
  ),
  headers: map(
    text({
      description: 'The value.',
      minLength: 0,
      pattern: HEADER_VALUE,
      expects: 'one line of text',
      secret: 'whole',
    }),
    {
      description: 'Headers added to every request to it; the values count as secrets.',
      default: {},
      memberNames: { pattern: HEADER_NAME, expects: 'a header name in small letters that may be set' },
    },
  ),
  signing_secrets: list(
    checkedText(isWebhookSecret, {
      description: 'A secret of Standard Webhooks.',
      expects: 'whsec_ and 24 to 64 bytes in base 64',
      hint: 'make one with: echo "whsec_$(openssl rand -base64 32)"',
      secret: 'whole',
    }),
    {
      description:
        'Signs requests of `cloudevents` and `webhook` with each of them (Standard Webhooks); two while a receiver changes from one to the other.',
      default: [],
      expects: 'a list of secrets, each whsec_ and 24 to 64 bytes in base 64',
    },
  ),
  teams: list(id('A team.'), {
    description: 'Only events of these teams; empty for all, and for what concerns no single team.',
    default: [],
    expects: 'a list of team ids',
  }),
  batch_size: Type.Optional(
    wholeNumber({
      description:
        'Most events in one delivery. `webhook` takes 1; `cloudevents` with 1 sends them structured, not batched.',
      minimum: 1,
      maximum: 1_000,
      defaultText: '`100`, or less where the kind takes less',
    }),
  ),
  timeout_ms: milliseconds({
    description: 'How long an answer may take.',
    default: 10_000,
    minimum: 1,
    maximum: 300_000,
  }),
  max_attempts: wholeNumber({
    description: 'How often an event that the receiver refuses is tried before it is parked and the others go on.',
    default: 5,
    minimum: 1,
    maximum: 1_000,
  }),
  event_name: text({
    description:
      'What a call is called there: CloudEvents `type`, Lago `code`, Orb `event_name`, Metronome `event_type`.',
    default: 'llm.usage.v1',
    pattern: '^[A-Za-z0-9_.-]{1,128}$',
    expects: '1 to 128 letters, digits, dots, underscores or hyphens',
  }),
  meters: list(METER_ENTRY, {
    description: 'Where there are any, each call becomes one event for each of them. Required for `stripe`.',
    default: [],
    expects: 'a list of meters',
    uniqueBy: ['event_name'],
  }),
  customers: map(text({ description: "The receiver's id of the customer." }), {
    description:
      "The receiver's customer (Lago: subscription) by team. Without one the team's id is sent; `stripe` needs one.",
    default: {},
  }),
  customer_label: Type.Optional(
    text({ description: "The label of a key that has the receiver's customer; it stands before `customers`." }),
  ),
  source: checkedText((value) => /^[\x21-\x7e]{1,256}$/.test(value), {
    description: 'CloudEvents `source`: which Metertap it was.',
    default: '/metertap',
    expects: 'a URI or path of at most 256 characters without blanks',
  }),
});

type SinkFields = Static<typeof SINK_FIELDS>;

export const SINK_ENTRY = Type.Refine(
  SINK_FIELDS,
  (sink: SinkFields) => sinkFault(sink) === null,
  (sink: SinkFields) => sinkFault(sink) ?? '',
);

interface KindFault {
  readonly isFault: (sink: SinkFields, rules: SinkKindRules) => boolean;
  readonly text: (kind: SinkKindName, rules: SinkKindRules) => string;
}

/** What a kind demands, and what it cannot do. */
const KIND_FAULTS: readonly KindFault[] = [
  {
    isFault: (sink, rules) => sink.url === undefined && rules.defaultUrl === null,
    text: (kind) => `must have a url: ${kind} has no address of its own`,
  },
  {
    isFault: (sink, rules) => (sink.events ?? []).some((stream) => !rules.streams.includes(stream)),
    text: (kind, rules) => `must have events: [${rules.streams.join(', ')}] with kind: ${kind}`,
  },
  {
    isFault: (sink, rules) => (sink.batch_size ?? 1) > rules.maxBatch,
    text: (kind, rules) => `must have a batch_size of at most ${rules.maxBatch} with kind: ${kind}`,
  },
  {
    isFault: (sink, rules) => rules.needsToken && sink.token === undefined && !('authorization' in sink.headers),
    text: (kind) => `must have a token with kind: ${kind}`,
  },
  {
    isFault: (sink, rules) => rules.needsMeters && sink.meters.length === 0,
    text: (kind) =>
      `must have meters with kind: ${kind}, such as { event_name: llm_input_tokens, value: input_tokens }`,
  },
  {
    isFault: (sink, rules) =>
      rules.needsCustomer && sink.customer_label === undefined && Object.keys(sink.customers).length === 0,
    text: (kind) => `must have customers or a customer_label with kind: ${kind}`,
  },
  {
    isFault: (sink, rules) => !rules.canSign && sink.signing_secrets.length > 0,
    text: (kind) => `must have no signing_secrets with kind: ${kind}, which checks none`,
  },
  {
    isFault: (sink, rules) => rules.canSign && sink.meters.length > 0,
    text: (kind) => `must have no meters with kind: ${kind}, whose events have all counts`,
  },
];

function sinkFault(sink: SinkFields): string | null {
  const rules = SINK_KINDS[sink.kind];
  return KIND_FAULTS.find(({ isFault }) => isFault(sink, rules))?.text(sink.kind, rules) ?? null;
}
