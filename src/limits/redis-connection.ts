import type { Redis } from 'ioredis';

/** A connection to Redis, and the end of it. */
export interface RedisConnection {
  readonly client: Redis;
  /** Resolves when the first try to connect has succeeded or failed. */
  readonly tried: Promise<void>;
  close(): Promise<void>;
}

/** Commands fail after this long rather than wait for a Redis that is away. */
const COMMAND_TIMEOUT_MS = 500;
const MAX_RECONNECT_DELAY_MS = 5_000;

export interface RedisConnectionOptions {
  /** Told when the connection is there and when it is lost; of an absence once, however often it is tried. */
  readonly onChange: (state: 'there' | 'away', cause: Error | null) => void;
  readonly commandTimeoutMs?: number;
}

/**
 * Opens the Redis that rates and limits are shared over. Where it is away, commands fail fast, and the connection is
 * tried again for ever. The client is loaded with the first connection: most processes have none.
 */
export async function openRedis(url: string, options: RedisConnectionOptions): Promise<RedisConnection> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url, {
    commandTimeout: options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 200, MAX_RECONNECT_DELAY_MS),
  });
  const { promise: tried, resolve: haveTried } = Promise.withResolvers<void>();
  let state: 'there' | 'away' | null = null;
  const change = (next: 'there' | 'away', cause: Error | null): void => {
    haveTried();
    if (state === next) return;
    state = next;
    options.onChange(next, cause);
  };
  client.on('error', (error: Error) => change('away', error));
  client.on('close', () => change('away', null));
  client.on('ready', () => change('there', null));
  return {
    client,
    tried,
    close: async () => {
      client.removeAllListeners('close');
      client.disconnect();
    },
  };
}
