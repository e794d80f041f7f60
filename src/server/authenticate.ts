import type { Caller } from '../attribution/attribution.ts';
import { MetertapError } from '../core/errors.ts';
import { type Exchange, headOf } from './exchange.ts';
import type { ProxyRooms, ProxySettings } from './rooms.ts';

/** Whose key it is; null where it is nobody's, who is then to be refused by {@link refuseStranger}. */
export function authenticate(exchange: Exchange, settings: ProxySettings): Caller | null {
  return settings.keyRing.find(headOf(exchange).credential, exchange.startedAtMs);
}

/**
 * @throws MetertapError `invalid_api_key`, in the same words for a missing, unknown, revoked and expired key, so that an
 *   answer tells nothing of which keys exist; `rate_limit_exceeded` when an address fails too often
 */
export async function refuseStranger(exchange: Exchange, rooms: ProxyRooms): Promise<never> {
  await rooms.rates.countUnauthenticated(exchange);
  throw new MetertapError(
    'invalid_api_key',
    'The API key is missing or not valid here. Send a Metertap key as "Authorization: Bearer <key>".',
  );
}
