import { openForReading } from '../src/ledger/database.ts';
import type { Expected, Span } from './ledger-check.ts';

/** What a ledger holds that was filled by something else: all days before the one that is now. */
export interface KeptLedger {
  readonly expected: Expected;
  readonly span: Span;
}

const DAY_MS = 86_400_000;

/** The id of a ledger's oldest record; null where it has none. Ids are in the order of time. */
export function oldestRecord(dataDir: string): string | null {
  const database = openForReading(dataDir);
  try {
    const oldest = database.prepare('SELECT min(id) AS id FROM records').get()?.['id'];
    return typeof oldest === 'string' ? oldest : null;
  } finally {
    database.close();
  }
}

/** Reads the sums of a ledger that no Metertap runs on. @throws Error where there is none, or it is empty */
export function filledUntil(dataDir: string, nowMs: number): KeptLedger {
  const toMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
  const database = openForReading(dataDir);
  try {
    const row = database
      .prepare(
        `SELECT min(bucket_start) AS from_ms, coalesce(sum(requests), 0) AS calls, coalesce(sum(input_tokens), 0) AS tokens
          FROM usage_day WHERE bucket_start < ?`,
      )
      .get(toMs);
    const { from_ms: fromMs = null, calls = 0, tokens = 0 } = row ?? {};
    if (typeof fromMs !== 'number')
      throw new Error(`The ledger in ${dataDir} has no calls of the days before this one.`);
    return { expected: { calls: Number(calls), inputTokens: Number(tokens) }, span: { fromMs, toMs } };
  } finally {
    database.close();
  }
}
