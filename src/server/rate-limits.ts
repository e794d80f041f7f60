import type { RateLimitPluginOptions } from '@fastify/rate-limit';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../attribution/attribution.ts';
import { MetertapError } from '../core/errors.ts';
import type { Exchange } from './exchange.ts';
import { MinuteWindows } from './minute-windows.ts';
import type { RequestAllowance, RequestRates } from './rooms.ts';

/** Requests a minute; read anew for each request, so that a reload counts at once. */
export interface RateSettings {
  readonly unauthenticatedPerMinute: number;
  readonly managementPerMinute: number;
  /** For keys that have no rate of their own; null: no rate. */
  readonly keyRequestsPerMinute: number | null;
}

export interface RateOptions {
  readonly settings: () => RateSettings;
  /** An ioredis client, where the rates are shared; without it they are this process's own. */
  readonly redis: RateLimitPluginOptions['redis'];
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

/** Rates of requests that are always Fastify's. */
type FramedRates = Record<'countManagement' | 'countSignIn', (request: FastifyRequest) => Promise<void>>;

const MINUTE_MS = 60_000;
/** People type keys slowly; all attempts count, since the one that succeeds is what a guesser wants. */
const SIGN_INS_PER_MINUTE = 20;
/** How many addresses are counted at once in memory. */
const COUNTED_AT_ONCE = 100_000;
const COUNTED_KEY = 'countedKey';
const FAILED_ATTEMPTS = 'failed attempts from your address';

type Limiter = ReturnType<FastifyInstance['createRateLimit']>;

/**
 * Request rates in fixed windows of a minute: management requests and attempts to sign in by address, and where Redis
 * shares the rates all others too, by `@fastify/rate-limit` (design.md, "Decisions"); else failed authentication by
 * address and calls by key in memory (`minute-windows.ts`). Tokens and money are not their business.
 */
export async function createRequestRates(
  app: FastifyInstance,
  options: RateOptions,
): Promise<RequestRates & FramedRates> {
  const { settings, redis } = options;
  await app.register(rateLimit, {
    global: false,
    cache: COUNTED_AT_ONCE,
    nameSpace: 'metertap-rate-',
    // A Redis that is away stops nobody: these rates guard against floods, they are not a budget.
    skipOnError: true,
    ...(redis === undefined ? {} : { redis }),
  });
  const management = byAddress(app, 'management', () => settings().managementPerMinute);
  const signIns = byAddress(app, 'sign-in', () => Math.min(settings().unauthenticatedPerMinute, SIGN_INS_PER_MINUTE));
  return {
    ...(redis === undefined ? ownRates(options) : sharedRates(app, options)),
    countSignIn: (request) => count(signIns, request, 'attempts to sign in from your address'),
    countManagement: (request) => count(management, request, 'management requests from your address'),
  };
}

/** Rates of this process alone. */
function ownRates({ settings, nowMs }: RateOptions): RequestRates {
  const addresses = new MinuteWindows();
  const keys = new MinuteWindows();
  return {
    needFramed: false,
    countUnauthenticated: ({ request }) => {
      const limit = settings().unauthenticatedPerMinute;
      const { requests, restMs } = addresses.count(request.socket.remoteAddress ?? '', nowMs());
      if (requests > limit) throw exceeded(`${limit} ${FAILED_ATTEMPTS}`, restMs);
    },
    countCall: (_exchange, caller) => {
      const limit = rateOf(caller, settings());
      if (limit === null) return null;
      const { requests, restMs } = keys.count(caller.keyId, nowMs());
      if (requests > limit) throw exceeded(callsOf(limit), restMs);
      return { limit, remaining: limit - requests, resetMs: restMs };
    },
  };
}

/** Rates that several processes share. */
function sharedRates(app: FastifyInstance, { settings }: RateOptions): RequestRates {
  app.decorateRequest(COUNTED_KEY, null);
  const unauthenticated = byAddress(app, 'unauthenticated', () => settings().unauthenticatedPerMinute);
  const calls = app.createRateLimit({
    timeWindow: MINUTE_MS,
    max: (request) => request.getDecorator<CountedKey>(COUNTED_KEY).perMinute,
    keyGenerator: (request) => `key:${request.getDecorator<CountedKey>(COUNTED_KEY).keyId}`,
  });
  return {
    needFramed: true,
    countUnauthenticated: (exchange) => count(unauthenticated, framedOf(exchange), FAILED_ATTEMPTS),
    countCall: (exchange, caller) => {
      const perMinute = rateOf(caller, settings());
      return perMinute === null ? null : countShared(calls, framedOf(exchange), { keyId: caller.keyId, perMinute });
    },
  };
}

async function countShared(
  calls: Limiter,
  framed: FastifyRequest,
  counting: CountedKey,
): Promise<RequestAllowance | null> {
  framed.setDecorator<CountedKey>(COUNTED_KEY, counting);
  const counted = await calls(framed);
  if (counted.isAllowed) return null;
  if (counted.isExceeded) throw exceeded(callsOf(counting.perMinute), counted.ttl);
  // A count of this call leaves less than the whole: where all is left, Redis was away and nothing was counted.
  if (counted.remaining === counted.max) return null;
  return { limit: counted.max, remaining: counted.remaining, resetMs: counted.ttl };
}

function byAddress(app: FastifyInstance, purpose: string, max: () => number): Limiter {
  return app.createRateLimit({
    timeWindow: MINUTE_MS,
    max: () => max(),
    keyGenerator: (request) => `${purpose}:${request.ip}`,
  });
}

function rateOf({ settings: own }: Caller, { keyRequestsPerMinute }: RateSettings): number | null {
  return own.requestsPerMinute ?? keyRequestsPerMinute;
}

function framedOf({ framed }: Exchange): FastifyRequest {
  if (framed === null) throw new Error('a call is counted before its answer');
  return framed;
}

interface CountedKey {
  readonly keyId: string;
  readonly perMinute: number;
}

async function count(limiter: Limiter, request: FastifyRequest, what: string): Promise<void> {
  const counted = await limiter(request);
  if (!counted.isAllowed && counted.isExceeded) throw exceeded(`${counted.max} ${what}`, counted.ttl);
}

function callsOf(limit: number): string {
  return `${limit} requests of this key`;
}

function exceeded(what: string, ttlMs: number): MetertapError {
  const message = `The rate of ${what} a minute is used up. Try again in ${Math.ceil(ttlMs / 1000)} s.`;
  return new MetertapError('rate_limit_exceeded', message, { retryAfterMs: ttlMs });
}
