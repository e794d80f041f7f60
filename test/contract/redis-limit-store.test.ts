import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe } from 'vitest';
import { RedisLimitStore } from '../../src/limits/redis-store.ts';
import { findServer, type RunningServer, startRedis } from '../support/servers.ts';
import { describeLimitStore, START_MS, type TimedStore } from './limit-store.contract.ts';
import { itAgreesWithTheModel } from './limit-store-model.ts';

const program = findServer('redis-server', 'METERTAP_TEST_REDIS_SERVER');

describe.skipIf(program === null)('with Redis', () => {
  let redis: RunningServer;
  let client: Redis;

  beforeAll(async () => {
    redis = await startRedis(program ?? '');
    client = new Redis(redis.url);
  });
  afterAll(async () => {
    client.disconnect();
    await redis.kill();
  });

  const open = async (): Promise<TimedStore> => {
    await client.flushall();
    const time = { nowMs: START_MS };
    return { store: new RedisLimitStore({ client, ledgerId: 'ledger', nowMs: () => time.nowMs }), time };
  };

  describeLimitStore('limits in Redis', open);
  itAgreesWithTheModel(open, 60);
});
