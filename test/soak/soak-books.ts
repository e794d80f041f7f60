import { sumTokens, TOKEN_NAMES, type TokenSums, usageResults } from '../support/compare-calls.ts';
import { asList, asRecord } from '../support/start-proxy.ts';

type Row = Record<string, unknown>;
type Ask = (path: string) => Promise<Row>;

/** What the proxy says was called and used, from each of its sides. */
export interface Books {
  /** Of each record only what is compared with its call. */
  readonly records: readonly Row[];
  readonly ledger: TokenSums;
  readonly runs: TokenSums;
  readonly usage: TokenSums;
  readonly metrics: TokenSums;
  /** `metertap_requests_total`; one for each record. */
  readonly countedCalls: number;
  readonly inFlight: number;
}

/** Reads all of the books. Nothing may be called meanwhile. */
export async function readBooks(ask: Ask, readMetrics: () => Promise<string>): Promise<Books> {
  const records = await readRecords(ask);
  const reported = records.filter((record) => record['usage_source'] === 'reported');
  const runIds = new Set(records.map((record) => String(record['run_id'])));
  const ofRuns: Row[] = [];
  for (const runId of runIds) ofRuns.push(withReasoning(asRecord((await ask(`/api/v1/runs/${runId}`))['usage'])));
  const metrics = await readMetrics();
  const [input = 0, cached = 0, output = 0, reasoning = 0] = TOKEN_NAMES.map((name) =>
    sumOfMetric(metrics, `metertap_${name}_total`),
  );
  return {
    records,
    ledger: sumTokens(reported.map((record) => asRecord(record['usage']))),
    runs: sumTokens(ofRuns),
    usage: sumTokens(await usageResults(ask, 'bucket=1d')),
    metrics: { input_tokens: input, cache_read_tokens: cached, output_tokens: output, reasoning_tokens: reasoning },
    countedCalls: sumOfMetric(metrics, 'metertap_requests_total'),
    inFlight: sumOfMetric(metrics, 'metertap_in_flight_requests'),
  };
}

/** A run's usage tells reasoning among the details of its output. */
function withReasoning(usage: Row): Row {
  return { ...usage, reasoning_tokens: asRecord(usage['output_tokens_details'])['reasoning_tokens'] };
}

async function readRecords(ask: Ask): Promise<Row[]> {
  const records: Row[] = [];
  let query = 'limit=1000';
  for (;;) {
    const page = await ask(`/api/v1/records?${query}`);
    for (const { tags, run_id, ending, usage_source, usage } of asList(page['data']).map(asRecord)) {
      records.push({ tags, run_id, ending, usage_source, usage });
    }
    if (typeof page['next_cursor'] !== 'string') return records;
    query = `limit=1000&cursor=${encodeURIComponent(page['next_cursor'])}`;
  }
}

/** The sum of a metric over all of its labels, in the text format of Prometheus. */
export function sumOfMetric(text: string, name: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
