import { MemoryLimitStore } from '../../src/limits/memory-store.ts';
import { describeLimitStore, START_MS, type TimedStore } from './limit-store.contract.ts';
import { itAgreesWithTheModel } from './limit-store-model.ts';

function open(): Promise<TimedStore> {
  const time = { nowMs: START_MS };
  return Promise.resolve({ store: new MemoryLimitStore({ nowMs: () => time.nowMs }), time });
}

describeLimitStore('limits in memory', open);
itAgreesWithTheModel(open, 300);
