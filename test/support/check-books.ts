import { expect } from 'vitest';
import { formatUsd } from '../../src/core/money.ts';
import type { LoadCall } from './mixed-load.ts';
import type { ServedProxy } from './served-proxy.ts';
import { asList, asRecord } from './start-proxy.ts';

type Row = Record<string, unknown>;

/** The names of the load's calls by the records that bear them. */
export function recordsByCall(records: readonly Row[]): Map<string, Row[]> {
  return Map.groupBy(records, (record) => String(asRecord(record['tags'])['call']));
}

/**
 * Every answer that a client has whole is in the ledger once, with the usage that the upstream reported; no call is
 * there twice, and none is open.
 */
export function expectEveryCallOnce(records: readonly Row[], calls: readonly LoadCall[]): void {
  const byCall = recordsByCall(records);
  const isOpen = (record: Row) => record['ending'] === 'in_flight' || record['ending'] === 'queued';
  expect(records.filter(isOpen)).toEqual([]);
  expect([...byCall].filter(([, rows]) => rows.length > 1)).toEqual([]);
  for (const call of calls) {
    const [record] = byCall.get(call.name) ?? [];
    if (call.received === 'whole') expect(record, call.name).toMatchObject(completed(call));
    else if (record?.['ending'] === 'completed') expect(record).toMatchObject(completed(call));
    else if (record !== undefined) expect(record).toMatchObject({ ending: 'interrupted', usage: null });
  }
}

function completed(call: LoadCall): Row {
  return {
    ending: 'completed',
    status: 200,
    run_id: call.runId,
    usage_source: 'reported',
    usage: {
      input_tokens: call.inputTokens,
      cache_read_tokens: call.cachedTokens,
      output_tokens: call.outputTokens,
      reasoning_tokens: 2,
      total_tokens: call.inputTokens + call.outputTokens,
    },
  };
}

/** The sums that the API tells of buckets and runs, which come from roll-ups, are those of the records. */
export async function expectRollupsOfRecords(proxy: ServedProxy, records: readonly Row[]): Promise<void> {
  const whole = sumOf(records);
  for (const bucket of ['1m', '1h', '1d']) {
    const results = await usageResults(proxy, `bucket=${bucket}`);
    expect(addUp(results), bucket).toEqual(whole);
  }
  const byRun = Map.groupBy(records, (record) => String(record['run_id']));
  const results = await usageResults(proxy, 'bucket=1d&group_by=run_id');
  const resultsByRun = Map.groupBy(results, (result) => String(result['run_id']));
  for (const [runId, ofRun] of byRun) {
    const sum = sumOf(ofRun);
    expect(addUp(resultsByRun.get(runId) ?? []), runId).toEqual(sum);
    const run = await proxy.ask(`/api/v1/runs/${runId}`);
    const usage = asRecord(run['usage']);
    expect(run).toMatchObject({ in_flight: 0, cost_usd: sum.cost_usd });
    expect(usage).toMatchObject({
      requests: sum.requests,
      input_tokens: sum.input_tokens,
      cache_read_tokens: sum.cache_read_tokens,
      output_tokens: sum.output_tokens,
      total_tokens: sum.total_tokens,
    });
    expect(asList(usage['request_usage_entries'])).toHaveLength(sum.requests);
  }
}

interface Sum {
  readonly requests: number;
  readonly input_tokens: number;
  readonly cache_read_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
  readonly cost_usd: string;
}

const TOKENS = ['input_tokens', 'cache_read_tokens', 'output_tokens', 'total_tokens'] as const;

function sumOf(records: readonly Row[]): Sum {
  const counted = records.filter((record) => record['ending'] === 'completed' || record['usage'] !== null);
  const usages = counted.flatMap((record) => (record['usage'] === null ? [] : [asRecord(record['usage'])]));
  const cost = counted.reduce((sum, record) => sum + BigInt(Number(record['cost_nano_usd'] ?? 0)), 0n);
  return { requests: counted.length, ...tokensOf(usages), cost_usd: formatUsd(cost) };
}

function addUp(results: readonly Row[]): Sum {
  const requests = results.reduce((sum, result) => sum + Number(result['requests']), 0);
  const cost = results.reduce((sum, result) => sum + nanoUsdOf(String(result['cost_usd'])), 0n);
  return { requests, ...tokensOf(results), cost_usd: formatUsd(cost) };
}

function tokensOf(rows: readonly Row[]): Omit<Sum, 'requests' | 'cost_usd'> {
  const [input_tokens = 0, cache_read_tokens = 0, output_tokens = 0, total_tokens = 0] = TOKENS.map((name) =>
    rows.reduce((sum, row) => sum + Number(row[name]), 0),
  );
  return { input_tokens, cache_read_tokens, output_tokens, total_tokens };
}

function nanoUsdOf(usd: string): bigint {
  const [whole = '0', fraction = ''] = usd.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

async function usageResults(proxy: ServedProxy, query: string): Promise<Row[]> {
  const { data } = await proxy.ask(`/api/v1/usage?${query}`);
  return asList(data).flatMap((bucket) => asList(asRecord(bucket)['results']).map(asRecord));
}
