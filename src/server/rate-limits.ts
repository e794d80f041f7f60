import type { RateLimitPluginOptions } from '@fastify/rate-limit';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import type { Exchange } from './exchange.ts';
import type { RequestAllowance, RequestRates } from './rooms.ts';

/** Requests a minute; read anew for each request, so that a reload counts at once. */
export interface RateSettings {
  readonly unauthenticatedPerMinute: number;
  readonly managementPerMinute: number;
  /** For keys that have no rate of their own; null: no rate. */
  readonly keyRequestsPerMinute: number | null;
}

const MINUTE_MS = 60_000;
/** People type keys slowly; all attempts count, since the one that succeeds is what a guesser wants. */
const SIGN_INS_PER_MINUTE = 20;
/** How many keys and addresses are counted at once in memory. */
const COUNTED_AT_ONCE = 100_000;
const COUNTED_KEY = 'countedKey';

type Limiter = ReturnType<FastifyInstance['createRateLimit']>;

/**
 * Request rates in fixed windows of a minute, by `@fastify/rate-limit` (design.md, "Decisions"): failed authentication
 * and management requests by address, calls by key. Tokens and money are not its business.
 *
 * @param redis an ioredis client, where the rates are shared; without it they are this process's own
 */
export async function createRequestRates(
  app: FastifyInstance,
  settings: () => RateSettings,
  redis: RateLimitPluginOptions['redis'],
): Promise<RequestRates & Record<'countManagement' | 'countSignIn', (request: FastifyRequest) => Promise<void>>> {
  await app.register(rateLimit, {
    global: false,
    cache: COUNTED_AT_ONCE,
    nameSpace: 'metertap-rate-',
    // A Redis that is away stops nobody: these rates guard against floods, they are not a budget.
    skipOnError: true,
    ...(redis === undefined ? {} : { redis }),
  });
  app.decorateRequest(COUNTED_KEY, null);
  const byAddress = (purpose: string, max: () => number) =>
    app.createRateLimit({
      timeWindow: MINUTE_MS,
      max: () => max(),
      keyGenerator: (request) => `${purpose}:${request.ip}`,
    });
  const unauthenticated = byAddress('unauthenticated', () => settings().unauthenticatedPerMinute);
  const management = byAddress('management', () => settings().managementPerMinute);
  const signIns = byAddress('sign-in', () => Math.min(settings().unauthenticatedPerMinute, SIGN_INS_PER_MINUTE));
  const calls = app.createRateLimit({
    timeWindow: MINUTE_MS,
    max: (request) => request.getDecorator<CountedKey>(COUNTED_KEY).perMinute,
    keyGenerator: (request) => `key:${request.getDecorator<CountedKey>(COUNTED_KEY).keyId}`,
  });

  return {
    countUnauthenticated: (exchange) => count(unauthenticated, framedOf(exchange), 'failed attempts from your address'),
    countSignIn: (request) => count(signIns, request, 'attempts to sign in from your address'),
    countManagement: (request) => count(management, request, 'management requests from your address'),
    countCall: (exchange, caller) => {
      const perMinute = caller.settings.requestsPerMinute ?? settings().keyRequestsPerMinute;
      return perMinute === null ? null : countOf(exchange, { keyId: caller.keyId, perMinute });
    },
  };

  async function countOf(exchange: Exchange, counting: CountedKey): Promise<RequestAllowance | null> {
    const framed = framedOf(exchange);
    framed.setDecorator<CountedKey>(COUNTED_KEY, counting);
    const counted = await calls(framed);
    if (counted.isAllowed) return null;
    if (counted.isExceeded) throw exceeded(`${counting.perMinute} requests of this key`, counted.ttl);
    // A count of this call leaves less than the whole: where all is left, Redis was away and nothing was counted.
    if (counted.remaining === counted.max) return null;
    return { limit: counted.max, remaining: counted.remaining, resetMs: counted.ttl };
  }
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

function exceeded(what: string, ttlMs: number): MetertapError {
  const message = `The rate of ${what} a minute is used up. Try again in ${Math.ceil(ttlMs / 1000)} s.`;
  return new MetertapError('rate_limit_exceeded', message, { retryAfterMs: ttlMs });
}
