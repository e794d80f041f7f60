import type { LedgerReader } from '../ledger/ledger-reader.ts';

/** A model of which calls are in the ledger that have usage and no price. */
export interface UnpricedModel {
  readonly upstream: string | null;
  readonly model: string | null;
  /** Calls that are still without a price, corrections taken into account. */
  readonly calls: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** The last day (UTC) on which it was called without a price. */
  readonly last_day: string;
}

/** Lists the models whose calls in a range have no price, those with the most calls first. */
export async function listUnpricedModels(
  reader: LedgerReader,
  range: { readonly startMs: number; readonly endMs: number },
): Promise<UnpricedModel[]> {
  const rows = await reader.usage({
    ...range,
    bucket: '1d',
    groupBy: ['upstream', 'model'],
    filters: {},
    includeEstimated: true,
    sums: ['unpriced', 'priced_later', 'input_tokens', 'output_tokens'],
  });
  const models = new Map<string, UnpricedModel>();
  for (const row of rows) {
    const calls = row.unpriced - row.priced_later;
    if (calls === 0) continue;
    const { upstream = null, model = null } = row.dimensions;
    const key = JSON.stringify([upstream, model]);
    const before = models.get(key);
    models.set(key, {
      upstream,
      model,
      calls: calls + (before?.calls ?? 0),
      input_tokens: row.input_tokens + (before?.input_tokens ?? 0),
      output_tokens: row.output_tokens + (before?.output_tokens ?? 0),
      last_day: new Date(row.bucketStartMs).toISOString().slice(0, 10),
    });
  }
  return [...models.values()].sort((a, b) => b.calls - a.calls);
}
