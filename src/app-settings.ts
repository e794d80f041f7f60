import type { CallerSettings } from './attribution/attribution.ts';
import type { KeyDirectory } from './attribution/key-directory.ts';
import { createKeyRing, type StaticKey } from './attribution/key-ring.ts';
import type { Config } from './config/schema.ts';
import type { BundledBook } from './pricing/bundled-book.ts';
import { createPriceLookup, type PriceLookup } from './pricing/price-lookup.ts';
import type { Pricer } from './pricing/pricer.ts';
import { endpointPattern } from './server/admit-caller.ts';
import type { Status } from './server/management-rooms.ts';
import type { RateSettings } from './server/rate-limits.ts';
import type { ProxySettings } from './server/rooms.ts';
import { createUpstreams, type UpstreamSettings } from './server/upstreams.ts';

/** What the composition root makes of a configuration: the settings of the proxied path, and the prices. */
export interface ConfiguredProxy extends ProxySettings {
  readonly prices: PriceLookup;
  /** The names of models that may be metric labels. */
  readonly modelNames: ReadonlySet<string>;
}

/** What lives longer than a configuration. */
export interface LastingParts {
  readonly pepper: Buffer;
  readonly book: BundledBook;
  readonly directory: KeyDirectory;
}

/** What the management API tells of the process, beside what the configuration says. */
type Running = Omit<Status, 'authMode' | 'upstreams'>;

/** What runs now, without anything of anybody's usage. Of the upstreams' addresses only the origin is told. */
export function statusOf(config: Config, running: Running): Status {
  const { version, nodeVersion, startedAtMs, openCalls, journal, configuration } = running;
  const upstreams = config.upstreams.map(({ name, base_url: url, models }) => ({
    name,
    origin: new URL(url).origin,
    models,
  }));
  const authMode = config.auth.mode;
  return { version, nodeVersion, startedAtMs, authMode, openCalls, journal, upstreams, configuration };
}

/** How many requests a minute there may be. */
export function rateSettingsOf({ rates }: Config): RateSettings {
  return {
    unauthenticatedPerMinute: rates.unauthenticated_per_minute,
    managementPerMinute: rates.management_per_minute,
    keyRequestsPerMinute: rates.key_requests_per_minute,
  };
}

/** Makes of a configuration what the proxied path works with. */
export function proxySettingsOf(config: Config, { pepper, book, directory }: LastingParts): ConfiguredProxy {
  const prices = createPriceLookup(config, book);
  return {
    keyRing: createKeyRing({
      mode: config.auth.mode,
      prefix: config.auth.key_prefix,
      pepper,
      keys: config.keys.map(staticKeyOf),
      directory,
    }),
    upstreams: createUpstreams(config.upstreams.map(upstreamOf)),
    replaceCredential: config.auth.mode === 'keys',
    bodyLimitBytes: config.listen.body_limit_mb * 1024 * 1024,
    unknownEndpoints: config.unknown_endpoints,
    requireRunId: config.attribution.require_run_id,
    unpricedModels: config.limits.unpriced_models,
    usageEvent: config.streams.usage_event,
    relay: {
      clientLeaves: config.streams.client_leaves,
      drainMaxMs: config.streams.drain_max_ms,
      drainMaxBytes: config.streams.drain_max_bytes,
      clientStallMaxMs: config.streams.client_stall_max_ms,
    },
    missingUsage: config.estimates.missing_usage,
    durability: config.ledger.durability,
    onLedgerFailure: config.ledger.on_failure,
    price: (call) => prices.priceCall(call),
    worstCost: (call) => prices.worstCost(call),
    hasPrice: (upstream, model) => hasPrice(prices, upstream, model),
    prices,
    modelNames: new Set([
      ...prices.modelNames,
      ...config.upstreams.flatMap((upstream) => upstream.models.filter((model) => !model.includes('*'))),
    ]),
  };
}

function hasPrice(pricer: Pricer, upstream: string, model: string | null): boolean {
  return pricer.findRow({ upstream, requestModel: model, responseModel: null, atMs: Date.now() }) !== null;
}

function staticKeyOf(key: Config['keys'][number]): StaticKey {
  const settings: CallerSettings = {
    usageEvent: key.usage_event ?? null,
    clientLeaves: key.client_leaves ?? null,
    unpricedModels: key.unpriced_models ?? null,
    requestsPerMinute: key.requests_per_minute ?? null,
  };
  return {
    id: key.id,
    team: key.team,
    key: key.key,
    labels: key.labels,
    disabled: key.disabled,
    expiresAtMs: key.expires_at === undefined ? null : Date.parse(key.expires_at),
    settings,
    permissions: {
      scopes: key.scopes,
      models: key.models ?? null,
      endpoints: key.endpoints?.map(endpointPattern) ?? null,
    },
  };
}

function upstreamOf(upstream: Config['upstreams'][number]): UpstreamSettings {
  return {
    name: upstream.name,
    baseUrl: upstream.base_url,
    apiKey: upstream.api_key ?? null,
    models: upstream.models,
    streamUsage: upstream.stream_usage,
    continuousUsage: upstream.continuous_usage,
    connectMs: upstream.timeouts.connect_ms,
    firstByteMs: upstream.timeouts.first_byte_ms,
    idleMs: upstream.timeouts.idle_ms,
    maxConnections: upstream.max_connections,
    forwardTraceHeaders: upstream.forward_trace_headers,
    headers: upstream.headers,
  };
}
