import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_KEY, BENCH_TEAM } from './candidates.ts';
import { numberOf, objectOf } from './measurement.ts';

/** What must be in the books of a candidate that keeps some. */
export interface Expected {
  readonly calls: number;
  readonly inputTokens: number;
}

/** The commit of the last call may come just after its client has gone. */
const PATIENCE_MS = 5_000;
const DAY_MS = 86_400_000;

/** A stretch of time: the end is not part of it. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  /** Absent: of all teams. */
  readonly team?: string;
}

/**
 * Asks a Metertap for its sums. Gives what does not agree, in words; null where all does.
 *
 * @param span of which calls; without it, those of the benchmark on the last day
 */
export async function ledgerFault(port: number, expected: Expected, span: Span | null = null): Promise<string | null> {
  for (let waitedMs = 0; ; waitedMs += 100) {
    const found = await sums(port, span ?? daysAround(Date.now()));
    if (found.calls === expected.calls && found.inputTokens === expected.inputTokens) return null;
    if (waitedMs >= PATIENCE_MS) {
      return (
        `the ledger has ${found.calls} calls and ${found.inputTokens} input tokens, ` +
        `the load generator ${expected.calls} and ${expected.inputTokens}`
      );
    }
    await sleep(100);
  }
}

/** Whole days, which releases that do not know `partial_buckets` give too. */
function daysAround(nowMs: number): Span {
  const todayMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
  return { fromMs: todayMs - DAY_MS, toMs: todayMs + 2 * DAY_MS, team: BENCH_TEAM };
}

async function sums(port: number, { fromMs, toMs, team }: Span): Promise<Expected> {
  const span = `start_time=${Math.floor(fromMs / 1000)}&end_time=${Math.floor(toMs / 1000)}${team === undefined ? '' : `&team=${team}`}`;
  const isCut = fromMs % DAY_MS !== 0 || toMs % DAY_MS !== 0;
  const answer = await fetch(
    `http://127.0.0.1:${port}/api/v1/usage?bucket=1d&${span}${isCut ? '&partial_buckets=true' : ''}`,
    {
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    },
  );
  const { data } = objectOf(await answer.json());
  if (!Array.isArray(data)) throw new Error(`Metertap answered ${answer.status} to a question for its usage`);
  const found = { calls: 0, inputTokens: 0 };
  for (const bucket of data) collect(bucket, found);
  return found;
}

/** Buckets hold rows, and rows or buckets the sums. */
function collect(value: unknown, into: { calls: number; inputTokens: number }): void {
  const bucket = objectOf(value);
  const rows = Array.isArray(bucket['results']) ? bucket['results'] : [bucket];
  for (const row of rows.map(objectOf)) {
    const usage = 'usage' in row ? objectOf(row['usage']) : row;
    into.calls += numberOf(usage['requests'] ?? 0);
    into.inputTokens += numberOf(usage['input_tokens'] ?? 0);
  }
}
