import { describe, expect, it } from 'vitest';
import type { LimitFields } from '../../../src/core/limit-fields.ts';
import type { RunKey, UsageQuery } from '../../../src/ledger/ledger-reader.ts';
import { ruleOf } from '../../../src/limits/read-rules.ts';
import { makeCallRecord, makeUsage } from '../../support/make-call-record.ts';
import { MemoryLedgerReader } from '../../support/memory-ledger-reader.ts';
import { makeLimits } from '../../support/memory-limits.ts';
import { plannedCall } from '../../support/planned-call.ts';

const rule = (fields: LimitFields) => ruleOf(fields, { onStoreFailure: 'open', alertAt: [] });
const OF_RUNS = [rule({ requests: 10, per: 'run' }), rule({ tokens: 100, per: 'run' }), rule({ parallel: 5 })];

class WatchedReader extends MemoryLedgerReader {
  readonly asked: string[] = [];

  override childrenOf(run: RunKey) {
    this.asked.push('children');
    return super.childrenOf(run);
  }

  override usage(query: UsageQuery) {
    this.asked.push('usage');
    return super.usage(query);
  }
}

describe('the rules of a run', () => {
  it('look into the books once, all together', async () => {
    const record = makeCallRecord(1, {
      run_id: 'nightly',
      usage: makeUsage({ input_tokens: 60, output_tokens: 20, total_tokens: 80 }),
    });
    const reader = new WatchedReader([record]);
    const { stage } = makeLimits(reader, { ofRuns: OF_RUNS });
    const call = plannedCall({ runId: 'nightly', inputTokens: 21, outputCeiling: 0 });
    await expect(stage.reserve(call)).rejects.toMatchObject({ code: 'run_limit_exceeded' });
    expect(reader.asked.toSorted()).toEqual(['children', 'usage']);
    await stage.reserve(plannedCall({ runId: 'nightly', inputTokens: 20, outputCeiling: 0 }));
    expect(reader.asked).toHaveLength(2);
  });

  it('ask for no usage of a run that nobody has heard of', async () => {
    const reader = new WatchedReader([]);
    const { stage } = makeLimits(reader, { ofRuns: OF_RUNS });
    await stage.reserve(plannedCall({ runId: 'new' }));
    expect(reader.asked).toEqual(['children']);
  });
});
