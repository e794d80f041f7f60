import type { Redis } from 'ioredis';

/** A connection to Redis, and the end of it. */
export interface RedisConnection {
  readonly client: Redis;
  close(): Promise<void>;
}

/** Commands fail after this long rather than wait for a Redis that is away. */
const COMMAND_TIMEOUT_MS = 500;
const MAX_RECONNECT_DELAY_MS = 5_000;

/**
 * Opens the Redis that rates and limits are shared over. Does not wait for it: where it is away, commands fail fast, and
 * the connection is tried again for ever. The client is loaded with the first connection: most processes have none.
 *
 * @param onError told of each failure of the connection
 */
export async function openRedis(url: string, onError: (error: Error) => void): Promise<RedisConnection> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url, {
    commandTimeout: COMMAND_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 200, MAX_RECONNECT_DELAY_MS),
  });
  client.on('error', onError);
  return {
    client,
    close: async () => {
      client.disconnect();
    },
  };
}
