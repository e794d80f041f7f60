import type { Caller } from '../attribution/attribution.ts';
import { credentialOf } from '../attribution/credential.ts';
import { MetertapError } from '../core/errors.ts';
import type { Exchange } from './exchange.ts';
import type { ProxyRooms, ProxySettings } from './rooms.ts';

/**
 * Whose key it is.
 *
 * @throws MetertapError `invalid_api_key`, in the same words for a missing, unknown, revoked and expired key, so that an
 *   answer tells nothing of which keys exist; `rate_limit_exceeded` when an address fails too often
 */
export async function authenticate(exchange: Exchange, settings: ProxySettings, rooms: ProxyRooms): Promise<Caller> {
  const caller = settings.keyRing.find(credentialOf(exchange.request.headers), exchange.startedAtMs);
  if (caller !== null) return caller;
  await rooms.rates.countUnauthenticated(exchange);
  throw new MetertapError(
    'invalid_api_key',
    'The API key is missing or not valid here. Send a Metertap key as "Authorization: Bearer <key>".',
  );
}
