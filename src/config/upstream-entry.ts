import Type from 'typebox';
import { HEADER_NAME, HEADER_VALUE } from './header-rules.ts';
import {
  checkedText,
  choice,
  entry,
  flag,
  map,
  milliseconds,
  nonEmptyList,
  section,
  text,
  VISIBLE_ASCII,
  wholeNumberOrNull,
} from './schema-parts.ts';
import { isBaseUrl } from './text-rules.ts';

const TIMEOUTS = section('Patience with this upstream.', {
  connect_ms: milliseconds({ description: 'To open a connection.', default: 10_000, minimum: 1 }),
  first_byte_ms: milliseconds({
    description: 'From the request to the first byte of the answer. Reasoning models take minutes.',
    default: 900_000,
    minimum: 1,
  }),
  idle_ms: milliseconds({ description: 'Between two pieces of an answer.', default: 900_000, minimum: 1 }),
});

export const UPSTREAM_ENTRY = entry('an upstream', {
  name: text({
    description: 'Its name in records, metrics and prices.',
    pattern: '^[a-z0-9_.-]{1,64}$',
    expects: '1 to 64 small letters, digits, dots, hyphens or underscores',
  }),
  base_url: checkedText(isBaseUrl, {
    description: 'Where it is; what stands below `/v1/` at Metertap is appended. A slash at the end is removed.',
    expects: 'an http or https URL without query, fragment and credentials',
    hint: 'write it as SDKs have it, such as https://api.openai.com/v1; a credential belongs in api_key',
    secret: 'url',
  }),
  api_key: Type.Optional(
    text({
      description: "In `keys` mode it takes the place of the client's credential.",
      pattern: VISIBLE_ASCII,
      expects: 'one line of printable characters without blanks',
      secret: 'whole',
    }),
  ),
  admin_api_key: Type.Optional(
    text({
      description:
        "An admin key of the upstream's, for `metertap reconcile` alone: it reads organization usage and costs and is never sent with a call.",
      pattern: VISIBLE_ASCII,
      expects: 'one line of printable characters without blanks',
      secret: 'whole',
    }),
  ),
  models: nonEmptyList(text({ description: 'A model or a glob.', expects: 'a model or a glob' }), {
    description: 'Models that it serves, exact or as globs; of all upstreams the first that matches wins.',
    default: ['*'],
  }),
  stream_usage: choice(['auto', 'always', 'never'], {
    description:
      'Whether streams are asked for their usage when the client did not: `auto` stops for a model that rejects it.',
    default: 'auto',
  }),
  continuous_usage: flag({
    description:
      'For vLLM and SGLang: chat streams are asked for their usage with every event, so that it is exact where a stream is left or cut. The client sees what it would have seen without.',
    default: false,
  }),
  timeouts: TIMEOUTS,
  max_connections: wholeNumberOrNull({
    description: 'Most connections at a time; null for no bound, with which a call costs less CPU.',
    default: null,
    minimum: 1,
  }),
  forward_trace_headers: flag({
    description: 'Whether `traceparent`, `tracestate` and `baggage` of the client go on to it.',
    default: false,
  }),
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
});
