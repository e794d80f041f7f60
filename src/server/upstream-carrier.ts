import type { CarriedRequest, Carrier } from './carrier.ts';
import { ConnectionPool } from './http1/connection-pool.ts';
import { UndiciCarrier } from './undici-carrier.ts';

export interface UpstreamCarrierSettings {
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly idleMs: number;
  readonly maxConnections: number | null;
}

/** Idle connections are kept this long; upstreams that say `keep-alive: timeout=` are believed instead. */
const IDLE_CONNECTION_MS = 15_000;

/**
 * Carries exchanges over connections of our own, but those whose bodies stream by (forms with files), which undici has.
 * Where connections are bounded undici has all, so that the bound holds for both kinds together.
 */
export function createUpstreamCarrier(url: URL, settings: UpstreamCarrierSettings): Carrier {
  const streamed = new UndiciCarrier({ ...settings, url, keptMs: IDLE_CONNECTION_MS });
  if (settings.maxConnections !== null) return streamed;
  const whole = new ConnectionPool({ ...settings, url, keptMs: IDLE_CONNECTION_MS });
  return {
    send: (request, receiver) =>
      hasWholeBody(request) ? whole.send(request, receiver) : streamed.send(request, receiver),
    close: async () => {
      await Promise.all([whole.close(), streamed.close()]);
    },
  };
}

function hasWholeBody(request: CarriedRequest): request is CarriedRequest<Buffer | null> {
  return request.body === null || Buffer.isBuffer(request.body);
}
