import { expect, vi } from 'vitest';
import { asList, asRecord, type TestProxy } from './start-proxy.ts';

/** Counts that clients and the run both tell; a client may leave some out. */
export type ShortUsage = Readonly<Record<string, number>>;

/** What a client said of one call, or of several together. `usage` is null where it shows nothing. */
export interface ReportedCall {
  readonly call: string;
  readonly requests: number;
  readonly usage: ShortUsage | null;
}

/** Reads the lines `@call {…}` that a program has written. */
export function reportedCalls(stdout: string): ReportedCall[] {
  return [...stdout.matchAll(/^@call (.*)$/gm)].map(([, json = '']) => {
    const { call, requests, usage } = asRecord(JSON.parse(json));
    if (typeof call !== 'string' || typeof requests !== 'number') throw new Error(`no call: ${json}`);
    return { call, requests, usage: usage === null ? null : numbersOf(usage) };
  });
}

/** What a run beside must count where the client retried: reads the line `@retried {…}`; null where there is none. */
export function reportedRetries(stdout: string): { run: string; counts: ShortUsage } | null {
  const json = /^@retried (.*)$/m.exec(stdout)?.[1];
  if (json === undefined) return null;
  const { run, ...counts } = asRecord(JSON.parse(json));
  return { run: String(run), counts: numbersOf(counts) };
}

/** The run as the management API gives it, once none of its calls is open any more. */
export async function settledRun(proxy: TestProxy, runId: string): Promise<Record<string, unknown>> {
  return vi.waitFor(
    async () => {
      const found = await proxy.ask(`/api/v1/runs/${encodeURIComponent(runId)}`);
      expect(found, JSON.stringify(found)).toMatchObject({ run_id: runId, in_flight: 0 });
      return found;
    },
    { timeout: 10_000, interval: 20 },
  );
}

/**
 * Compares, call by call, what the client says it used with the entries of the run, and the run's totals with the sum.
 * A call of which the client shows nothing repeats the one before it: the run must count it as that.
 */
export function expectSameUsage(run: Record<string, unknown>, calls: readonly ReportedCall[]): void {
  const usage = asRecord(run['usage']);
  const entries = asList(usage['request_usage_entries']).map(entryUsage);
  const counted = calls.map(({ call, requests }) => ({ call, usage: sum(entries.splice(0, requests)) }));
  const expected = calls.map(({ call, usage: told }, index) => ({
    call,
    usage: expect.objectContaining(told ?? counted[index - 1]?.usage ?? { input: Number.NaN }),
  }));
  expect(counted).toEqual(expected);
  expect(entries, 'calls of the run that the client does not know of').toEqual([]);
  expect(usage['requests']).toBe(calls.reduce((requests, call) => requests + call.requests, 0));
  expect(totalsOf(usage)).toEqual(sum(counted.map((call) => call.usage)));
}

function entryUsage(entry: unknown): ShortUsage {
  return totalsOf(asRecord(entry));
}

/** A usage block of the API, an entry's or a run's, in short. */
function totalsOf(block: Record<string, unknown>): ShortUsage {
  const input = asRecord(block['input_tokens_details']);
  const output = asRecord(block['output_tokens_details']);
  return numbersOf({
    input: block['input_tokens'],
    output: block['output_tokens'],
    total: block['total_tokens'],
    cached: input['cached_tokens'],
    reasoning: output['reasoning_tokens'],
  });
}

function sum(parts: readonly ShortUsage[]): ShortUsage {
  const total: Record<string, number> = { input: 0, output: 0, total: 0, cached: 0, reasoning: 0 };
  for (const part of parts) {
    for (const [name, count] of Object.entries(part)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}

function numbersOf(value: unknown): ShortUsage {
  const numbers: Record<string, number> = {};
  for (const [name, count] of Object.entries(asRecord(value))) {
    if (typeof count !== 'number') throw new Error(`no number of ${name}: ${JSON.stringify(value)}`);
    numbers[name] = count;
  }
  return numbers;
}
