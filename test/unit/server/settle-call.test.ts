import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sumsOfRecord } from '../../../src/ledger/sums.ts';
import { actualUseOf, lateCallOf, settleCall } from '../../../src/server/settle-call.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';

describe('what a record counts for', () => {
  it('is what the ledger sums of it, whatever its ending', () => {
    fc.assert(
      fc.property(endedRecord, (record) => {
        const sums = sumsOfRecord(record);
        expect(actualUseOf(record)).toEqual({
          requests: sums.requests,
          inputTokens: sums.input_tokens,
          outputTokens: sums.output_tokens,
          toolCalls: sums.tool_calls,
          costNanoUsd: Number(sums.cost_nano_usd),
        });
      }),
    );
  });

  it('is not known yet of a response that runs on in the background', () => {
    const settled: unknown[] = [];
    const reservation = {
      readings: { budgetRemainingNanoUsd: null, requests: null, tokens: null },
      allowance: null,
      settle: (actual: unknown) => settled.push(actual),
      release: () => undefined,
    };
    settleCall({ reservation }, makeCallRecord(1, { ending: 'queued', usage_source: 'missing', usage: null }));
    expect(settled).toEqual([]);
    settleCall({ reservation }, makeCallRecord(1));
    expect(settled).toHaveLength(1);
  });

  it('is found again by the ids that stand in the record', () => {
    expect(lateCallOf(makeCallRecord(1, { session_id: 's', user: 'ada' }))).toMatchObject({
      caller: { team: 'research', keyId: 'ci' },
      ids: { runId: 'nightly-42', sessionId: 's', user: 'ada' },
      model: 'gpt-5-mini',
      startedAtMs: Date.UTC(2026, 10, 22, 12, 0, 1),
    });
  });
});
