import Type, { type Static } from 'typebox';
import { KEY_ENTRY, TEAM_ENTRY } from './key-entry.ts';
import { LIMIT_RULE, THRESHOLD } from './limit-rule.ts';
import { PRICE_ENTRY } from './price-entry.ts';
import {
  checkedText,
  choice,
  flag,
  list,
  milliseconds,
  nonEmptyList,
  section,
  text,
  VISIBLE_ASCII,
  wholeNumber,
  wholeNumberOrNull,
} from './schema-parts.ts';
import { SINK_ENTRY } from './sink-entry.ts';
import { isUrlOf } from './text-rules.ts';
import { UPSTREAM_ENTRY } from './upstream-entry.ts';

/**
 * The whole configuration: every field with its type, default and text. The type `Config`, the checks of the loader,
 * the redaction and the tables of docs/configuration.md all come from here (contract.md, "Configuration").
 */

const LISTEN = section('Where Metertap listens.', {
  host: text({
    description: 'Address to listen on; `0.0.0.0` for every IPv4 address.',
    default: '127.0.0.1',
    pattern: '^\\S+$',
    expects: 'a host name or an IP address',
    needsRestart: true,
  }),
  port: wholeNumber({
    description: 'Port to listen on; 0 takes any free one.',
    default: 8787,
    minimum: 0,
    maximum: 65_535,
    needsRestart: true,
  }),
  reuse_port: flag({
    description:
      'Lets several processes listen on the port together, each with this setting; see operations.md, "Several processes".',
    default: false,
    needsRestart: true,
  }),
  body_limit_mb: wholeNumber({
    description: 'Largest request body, in MiB; a larger one is answered with 413 `body_too_large`.',
    default: 64,
    minimum: 1,
    maximum: 4096,
    needsRestart: true,
  }),
  request_timeout_ms: milliseconds({
    description: 'Time that a client has to send its whole request.',
    default: 300_000,
    minimum: 1,
    needsRestart: true,
  }),
  keep_alive_ms: milliseconds({
    description:
      'How long an idle connection of a client stays open. Longer than the idle time of a load balancer in front.',
    default: 72_000,
    minimum: 1,
    needsRestart: true,
  }),
  max_header_kb: wholeNumber({
    description: 'Largest sum of request headers, in KiB; more is answered with 431 `headers_too_large`.',
    default: 32,
    minimum: 1,
    maximum: 1024,
    needsRestart: true,
  }),
});

const AUTH = section('Who may call.', {
  mode: choice(['passthrough', 'keys'], {
    description:
      "`passthrough`: the client's own credential goes to the upstream. `keys`: clients use keys of Metertap, the upstream's `api_key` takes their place.",
    defaultText: '`keys` if there are `keys`, else `passthrough`',
  }),
  key_prefix: text({
    description: 'What the keys that Metertap makes begin with; some clients insist on `sk-`.',
    default: 'mt',
    pattern: '^[A-Za-z0-9_-]{1,32}$',
    expects: '1 to 32 letters, digits, hyphens or underscores',
  }),
});

const STREAMS = section('Streams and clients that leave them.', {
  usage_event: choice(['hide', 'pass'], {
    description: 'Whether a client that did not ask for usage gets to see the usage event that Metertap asked for.',
    default: 'hide',
  }),
  client_leaves: choice(['drain', 'abort'], {
    description:
      '`drain`: read on without the client, to learn the true usage. `abort`: cut the upstream and estimate.',
    default: 'drain',
  }),
  drain_max_ms: milliseconds({ description: 'Longest drain.', default: 120_000, minimum: 0 }),
  drain_max_bytes: wholeNumber({ description: 'Largest drain, in bytes.', default: 16_777_216, minimum: 0 }),
  client_stall_max_ms: milliseconds({
    description: 'A client that takes nothing for so long counts as having left.',
    default: 300_000,
    minimum: 1,
  }),
});

const ESTIMATES = section('Token counts where an upstream reports none.', {
  missing_usage: choice(['estimate', 'leave'], {
    description:
      '`estimate`: input and output are estimated and the record says `estimated`; never part of sums of reported tokens. `leave`: the usage stays missing.',
    default: 'estimate',
  }),
});

const LEDGER = section('The books.', {
  durability: choice(['before_response', 'async'], {
    description:
      '`before_response`: the last bytes of an answer go out after its record is in the journal. `async`: shortly after.',
    default: 'before_response',
  }),
  synchronous: choice(['normal', 'full'], {
    description:
      '`normal` survives a crash of the process; `full` also a loss of power, at a sync of the disk per commit.',
    default: 'normal',
    needsRestart: true,
  }),
  retention_days: wholeNumberOrNull({
    description: 'Age at which single records are removed; sums stay. null keeps them for ever.',
    default: 90,
    minimum: 1,
  }),
  on_failure: choice(['refuse', 'serve_unmetered'], {
    description:
      'When the journal cannot be written: `refuse` answers 503 `ledger_unavailable`; `serve_unmetered` serves.',
    default: 'refuse',
  }),
});

export const CONFIG_SCHEMA = section('The configuration of Metertap.', {
  listen: LISTEN,
  auth: AUTH,
  upstreams: nonEmptyList(UPSTREAM_ENTRY, {
    description: 'Where calls go; the first whose `models` match wins.',
    default: [{ name: 'openai', base_url: 'https://api.openai.com/v1', models: ['*'] }],
    expects: 'a list of at least one upstream',
    defaultText: '`openai` at `https://api.openai.com/v1`, all models',
    uniqueBy: ['name'],
  }),
  teams: list(TEAM_ENTRY, {
    description: 'Teams with a name or limits.',
    default: [],
    expects: 'a list of teams',
    uniqueBy: ['id'],
  }),
  keys: list(KEY_ENTRY, {
    description: 'Static keys; further ones are made over the management API.',
    default: [],
    expects: 'a list of keys',
    uniqueBy: ['id', 'key'],
  }),
  streams: STREAMS,
  estimates: ESTIMATES,
  ledger: LEDGER,
  prices: list(PRICE_ENTRY, {
    description: 'Prices that stand before those of the bundled price book.',
    default: [],
    expects: 'a list of prices',
    uniqueTogether: ['provider', 'model', 'valid_from'],
  }),
  sinks: list(SINK_ENTRY, {
    description: 'Where events are sent: calls that are settled, and alerts.',
    default: [],
    expects: 'a list of sinks',
    uniqueBy: ['name'],
  }),
  limits: section('Limits for all.', {
    default_run: list(LIMIT_RULE, {
      description: 'What every run may use.',
      default: [],
      expects: 'a list of limit rules',
    }),
    on_store_failure: choice(['open', 'closed'], {
      description:
        'While Redis is away: `open` counts in each process alone, `closed` answers 503 `limits_unavailable`. For rules that do not say.',
      default: 'open',
    }),
    alert_at: list(THRESHOLD, {
      description:
        'Shares of a limit, in percent, at which an event is raised, once per window. For rules that do not say.',
      default: [50, 80, 100],
      expects: 'a list of whole numbers from 1 to 100',
    }),
    assumed_output_tokens: wholeNumber({
      description:
        'Output that is reserved for a call that names no ceiling, until calls of its model have shown what they need.',
      default: 4096,
      minimum: 1,
      maximum: 1_000_000,
    }),
    hold_max_ms: milliseconds({
      description: 'When the hold of a call that never ended is given back: of a process that died, for example.',
      default: 3_600_000,
      minimum: 1_000,
    }),
    unpriced_models: choice(['allow', 'refuse'], {
      description: 'Whether a model without a price may be called; its cost is then unknown, not 0.',
      default: 'allow',
    }),
  }),
  attribution: section('What a call must say of itself.', {
    require_run_id: flag({
      description: 'Answers calls without a run id with 403 `run_id_required`.',
      default: false,
    }),
  }),
  unknown_endpoints: choice(['allow', 'refuse'], {
    description:
      'A `POST` to an endpoint that Metertap cannot meter: `allow` forwards it and counts it as unmetered, `refuse` answers 403.',
    default: 'allow',
  }),
  metrics: section('`GET /metrics`.', {
    label_api_key: flag({
      description: 'Adds the key id as a label; one series more for each key.',
      default: false,
      needsRestart: true,
    }),
    token: Type.Optional(
      text({
        description: 'Bearer token for `/metrics`; without it, only loopback may read them.',
        pattern: VISIBLE_ASCII,
        expects: 'one line of printable characters without blanks',
        secret: 'whole',
      }),
    ),
  }),
  rates: section('Request rates, against floods and not for billing.', {
    unauthenticated_per_minute: wholeNumber({
      description: 'Requests with a missing or wrong credential, per address.',
      default: 60,
      minimum: 1,
    }),
    management_per_minute: wholeNumber({
      description: 'Requests to the management API, per address.',
      default: 600,
      minimum: 1,
    }),
    key_requests_per_minute: wholeNumberOrNull({
      description: 'Proxied requests, per key; null for no bound.',
      default: null,
      minimum: 1,
    }),
  }),
  admin_key: Type.Optional(
    text({
      description: 'Credential that may see and do everything in the management API.',
      minLength: 16,
      expects: 'text of at least 16 characters',
      secret: 'whole',
      defaultText: 'made at the first start and kept in `data_dir`',
    }),
  ),
  data_dir: text({
    description: 'Folder of the journal.',
    default: './data',
    expects: 'a folder',
    needsRestart: true,
  }),
  log: section('Logging.', {
    level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      description: 'The least grave lines that are written.',
      default: 'info',
    }),
  }),
  shutdown_grace_ms: milliseconds({
    description: 'How long a stop waits for open calls.',
    default: 30_000,
    minimum: 0,
  }),
  redis_url: Type.Optional(
    checkedText(isUrlOf(['redis:', 'rediss:']), {
      description: 'Redis for limits and rates that several replicas share.',
      expects: 'a redis or rediss URL',
      hint: 'write it as redis://user:password@host:6379/0',
      secret: 'url',
      needsRestart: true,
    }),
  ),
  database_url: Type.Optional(
    checkedText(isUrlOf(['postgres:', 'postgresql:']), {
      description:
        'For a ledger in PostgreSQL, which is not part of this release: it has no effect but a warning at the start.',
      expects: 'a postgres or postgresql URL',
      hint: 'write it as postgres://user:password@host:5432/database',
      secret: 'url',
      needsRestart: true,
    }),
  ),
});

/** A value that nobody may change: the configuration is frozen after it is read. */
type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Member in keyof T]: Frozen<T[Member]> }
    : T;

/** The configuration with all defaults filled in. */
export type Config = Frozen<Static<typeof CONFIG_SCHEMA>>;
export type UpstreamConfig = Config['upstreams'][number];
export type TeamConfig = Config['teams'][number];
export type KeyConfig = Config['keys'][number];
export type PriceConfig = Config['prices'][number];
export type SinkConfig = Config['sinks'][number];
export type LimitRuleConfig = Config['limits']['default_run'][number];
