import { describe, expect, it } from 'vitest';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { type RunReportOptions, reportRun } from '../../../src/reporting/run-report.ts';
import { ADMIN } from '../../support/authors.ts';
import { makeCallRecord, makeFailedRecord, makeOpenRecord, makeUsage } from '../../support/make-call-record.ts';
import { MemoryLedgerReader } from '../../support/memory-ledger-reader.ts';

const RUN = { team: 'research', runId: 'nightly-42' };

async function report(records: readonly CallRecord[], options: Partial<RunReportOptions> = {}) {
  const reader = new MemoryLedgerReader(records);
  const found = await reportRun(reader, RUN, { includeChildren: false, withEntries: true, ...options });
  if (found === null) throw new Error('the run must be found');
  return found;
}

describe('the report of a run', () => {
  it('has the shape of the contract', async () => {
    const records = [
      makeCallRecord(1, {
        agent: 'planner',
        usage: makeUsage({
          input_tokens: 1200,
          cache_read_tokens: 1024,
          output_tokens: 300,
          reasoning_tokens: 256,
          tool_calls: 1,
        }),
        cost_nano_usd: 2_345_600,
      }),
      makeCallRecord(2, {
        usage: makeUsage({ input_tokens: 800, cache_write_tokens: 64, input_audio_tokens: 7, output_tokens: 100 }),
        cost_nano_usd: 1,
      }),
    ];
    expect(await report(records)).toEqual({
      run_id: 'nightly-42',
      team: 'research',
      parent_run_id: null,
      session_id: null,
      labels: {},
      children: [],
      started_at: '2026-11-22T12:00:01.000Z',
      last_activity_at: '2026-11-22T12:00:02.500Z',
      in_flight: 0,
      usage: {
        requests: 2,
        tool_calls: 1,
        input_tokens: 2000,
        input_tokens_details: { cached_tokens: 1024, cache_write_tokens: 64 },
        output_tokens: 400,
        output_tokens_details: { reasoning_tokens: 256 },
        total_tokens: 2400,
        cache_read_tokens: 1024,
        cache_write_tokens: 64,
        input_audio_tokens: 7,
        cache_audio_read_tokens: 0,
        details: { reasoning_tokens: 256 },
        request_usage_entries: [
          {
            id: records[0]?.id,
            at: '2026-11-22T12:00:01.000Z',
            agent: 'planner',
            model: 'gpt-5-mini',
            input_tokens: 1200,
            output_tokens: 300,
            total_tokens: 1500,
            input_tokens_details: { cached_tokens: 1024, cache_write_tokens: 0 },
            output_tokens_details: { reasoning_tokens: 256 },
          },
          {
            id: records[1]?.id,
            at: '2026-11-22T12:00:02.000Z',
            agent: null,
            model: 'gpt-5-mini',
            input_tokens: 800,
            output_tokens: 100,
            total_tokens: 900,
            input_tokens_details: { cached_tokens: 0, cache_write_tokens: 64 },
            output_tokens_details: { reasoning_tokens: 0 },
          },
        ],
      },
      cost_usd: '0.002345601',
      cost_complete: true,
      corrections_usd: '0.000000000',
      corrected_cost_usd: '0.002345601',
      corrected_cost_complete: true,
      by_model: [
        {
          model: 'gpt-5-mini-2026-02-01',
          requests: 2,
          input_tokens: 2000,
          cache_read_tokens: 1024,
          output_tokens: 400,
          reasoning_tokens: 256,
          total_tokens: 2400,
          tool_calls: 1,
          cost_usd: '0.002345601',
          corrections_usd: '0.000000000',
        },
      ],
      by_agent: [
        expect.objectContaining({ agent: 'planner', requests: 1, total_tokens: 1500, cost_usd: '0.002345600' }),
        expect.objectContaining({ agent: null, requests: 1, total_tokens: 900, cost_usd: '0.000000001' }),
      ],
      not_counted: { missing_usage: 0, estimated: 0, failed: 0, client_retries: 0 },
      limits: [],
    });
  });

  it('keeps estimates out of the tokens and the entries, counts them and says that the cost is not exact', async () => {
    const estimated = makeCallRecord(2, {
      usage_source: 'estimated',
      ending: 'client_left',
      usage: makeUsage({ input_tokens: 7, output_tokens: 7, tool_calls: 7, details: { guessed: 1 } }),
      cost_nano_usd: 5,
    });
    const found = await report([makeCallRecord(1), estimated]);
    expect(found.usage).toMatchObject({ requests: 2, tool_calls: 0, input_tokens: 100, total_tokens: 110 });
    expect(found.usage.request_usage_entries).toHaveLength(1);
    expect(found.usage.details).toEqual({ reasoning_tokens: 0 });
    expect(found.not_counted.estimated).toBe(1);
    expect(found.cost_usd).toBe('0.001000005');
    expect(found.cost_complete).toBe(false);
  });

  it('counts a completed call without usage as a request, and its usage as missing', async () => {
    const found = await report([makeCallRecord(1, { usage_source: 'missing', usage: null, cost_nano_usd: null })]);
    expect(found.usage).toMatchObject({ requests: 1, total_tokens: 0, request_usage_entries: [] });
    expect(found.not_counted.missing_usage).toBe(1);
    expect(found.cost_complete).toBe(false);
  });

  it('counts failed attempts and client retries beside the requests', async () => {
    const found = await report([makeFailedRecord(1), makeCallRecord(2, { client_retry: 1 })]);
    expect(found.usage.requests).toBe(1);
    expect(found.not_counted).toEqual({ missing_usage: 0, estimated: 0, failed: 1, client_retries: 1 });
    expect(found.cost_complete).toBe(true);
  });

  it('says that the cost is not complete while a price is unknown', async () => {
    const found = await report([makeCallRecord(1), makeCallRecord(2, { cost_nano_usd: null })]);
    expect(found.cost_usd).toBe('0.001000000');
    expect(found.cost_complete).toBe(false);
  });

  it('says that the cost is not complete while a call is open', async () => {
    const found = await report([makeCallRecord(1), makeOpenRecord(2)]);
    expect(found.in_flight).toBe(1);
    expect(found.usage.requests).toBe(1);
    expect(found.cost_complete).toBe(false);
  });

  it('adds up costs beyond what a number can hold exactly', async () => {
    const cost = Number.MAX_SAFE_INTEGER;
    const found = await report([1, 2, 3].map((n) => makeCallRecord(n, { cost_nano_usd: cost })));
    expect(found.cost_usd).toBe('27021597.764222973');
  });

  it('sums further details and shows counts that have no member of their own', async () => {
    const found = await report([
      makeCallRecord(1, { usage: makeUsage({ details: { seconds: 3 }, reasoning_tokens: 4 }) }),
      makeCallRecord(2, { usage: makeUsage({ details: { seconds: 2, images: 1 }, output_audio_tokens: 9 }) }),
    ]);
    expect(found.usage.details).toEqual({ seconds: 5, images: 1, output_audio_tokens: 9, reasoning_tokens: 4 });
  });

  it('gives entries in the order in which the calls began, not in which they ended', async () => {
    const first = makeCallRecord(5, { started_at: '2026-11-22T11:00:00.000Z' });
    const found = await report([makeCallRecord(1), first]);
    expect(found.usage.request_usage_entries?.map((entry) => entry.id)).toEqual([first.id, makeCallRecord(1).id]);
  });

  it('leaves the entries out where they are not wanted', async () => {
    const found = await report([makeCallRecord(1)], { withEntries: false });
    expect(found.usage).not.toHaveProperty('request_usage_entries');
    expect(found.usage.requests).toBe(1);
  });

  it('orders models by cost and puts the nameless agent last among equals', async () => {
    const found = await report([
      makeCallRecord(1, { response_model: 'cheap', cost_nano_usd: 1, agent: null }),
      makeCallRecord(2, { response_model: 'dear', cost_nano_usd: 9, agent: 'b' }),
      makeCallRecord(3, { response_model: 'dear', cost_nano_usd: 9, agent: 'a' }),
      makeCallRecord(4, { response_model: 'cheap', cost_nano_usd: 8, agent: null }),
    ]);
    expect(found.by_model.map((share) => share.model)).toEqual(['dear', 'cheap']);
    expect(found.by_agent.map((share) => share.agent)).toEqual(['a', 'b', null]);
  });

  it('does not mix the runs of two teams that have the same id', async () => {
    const found = await report([makeCallRecord(1), makeCallRecord(2, { team: 'other' })]);
    expect(found.usage.requests).toBe(1);
  });

  it('reports a run that was declared and not begun', async () => {
    const reader = new MemoryLedgerReader();
    await reader.declareRun(RUN, { labels: { a: 'b' }, limits: [{ requests: 5, per: 'run' }] }, ADMIN);
    expect(await reportRun(reader, RUN, { includeChildren: false, withEntries: true })).toMatchObject({
      labels: { a: 'b' },
      limits: [{ requests: 5, per: 'run' }],
      cost_usd: '0.000000000',
      cost_complete: true,
      usage: { requests: 0, request_usage_entries: [] },
    });
  });

  it('is null for a run that nobody named', async () => {
    const nobody = await reportRun(new MemoryLedgerReader(), RUN, { includeChildren: true, withEntries: true });
    expect(nobody).toBeNull();
  });
});

describe('the tree of a run', () => {
  const child = (n: number, runId: string, parent: string) =>
    makeCallRecord(n, { run_id: runId, parent_run_id: parent });

  it('nests descendants and sums them with the run', async () => {
    const found = await report(
      [makeCallRecord(1), child(2, 'b', 'nightly-42'), child(3, 'c', 'b'), child(4, 'd', 'nightly-42')],
      { includeChildren: true },
    );
    expect(found.children).toEqual(['b', 'd']);
    expect(found).toMatchObject({
      usage: { requests: 1 },
      cost_usd: '0.001000000',
      children_tree: [
        { run_id: 'b', usage: { requests: 1 }, children_tree: [{ run_id: 'c', children_tree: [] }] },
        { run_id: 'd', children_tree: [] },
      ],
      children_truncated: false,
      usage_with_children: { requests: 4, total_tokens: 440 },
      cost_usd_with_children: '0.004000000',
      cost_complete_with_children: true,
    });
    expect(JSON.stringify(found).match(/request_usage_entries/g)).toHaveLength(1);
  });

  it('says that the sum is not complete where a descendant is open', async () => {
    const open = makeOpenRecord(2, { run_id: 'b', parent_run_id: 'nightly-42' });
    const found = await report([makeCallRecord(1), open], { includeChildren: true });
    expect(found).toMatchObject({ cost_complete: true, cost_complete_with_children: false });
  });

  it('ends where parents run in a circle', async () => {
    const found = await report(
      [makeCallRecord(1, { parent_run_id: 'c' }), child(2, 'b', 'nightly-42'), child(3, 'c', 'b')],
      { includeChildren: true },
    );
    expect(found).toMatchObject({
      children_tree: [{ run_id: 'b', children_tree: [{ run_id: 'c', children: ['nightly-42'], children_tree: [] }] }],
      usage_with_children: { requests: 3 },
    });
  });

  it('ends where a run is its own parent', async () => {
    const found = await report([makeCallRecord(1, { parent_run_id: 'nightly-42' })], { includeChildren: true });
    expect(found).toMatchObject({ children_tree: [], usage_with_children: { requests: 1 } });
  });

  it('holds a thousand runs at most and says so', async () => {
    const children = Array.from({ length: 1_005 }, (_, n) => child(n + 2, `child-${n}`, 'nightly-42'));
    const reader = new MemoryLedgerReader([makeCallRecord(1), ...children]);
    // The tree asks for the children of each child; the plain fake is too slow for a thousand such questions.
    const all = await reader.childrenOf(RUN);
    reader.childrenOf = async (run) => (run.runId === RUN.runId ? all : []);
    const found = await reportRun(reader, RUN, { includeChildren: true, withEntries: false });
    expect(found).toMatchObject({
      children_truncated: true,
      usage_with_children: { requests: 1_000 },
      cost_complete_with_children: false,
    });
  });
});
