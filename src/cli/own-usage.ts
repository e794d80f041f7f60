import { parseSignedUsd } from '../core/money.ts';
import type { Doubt, KeySum, Side, SideSum } from '../reporting/reconciliation.ts';
import { askManagement, listOf, type ManagementAccess, memberOf } from './management-client.ts';
import type { DayRange } from './organization-client.ts';

/** The endpoints whose tokens OpenAI counts as completions and embeddings; the costs of all endpoints are compared. */
const TOKEN_ENDPOINTS = new Set(['chat/completions', 'completions', 'responses', 'responses/compact', 'embeddings']);
const GROUPS = 'key_id,model,endpoint,usage_source';
const MAX_RECORD_PAGES = 20;

/** Reads what this Metertap counted of one upstream, by day, model and key, and what is not certain of it. */
export async function readOwnUsage(
  access: ManagementAccess,
  upstream: string,
  range: DayRange,
): Promise<{ readonly side: Side; readonly doubts: readonly Doubt[] }> {
  const days: SideSum[] = [];
  const keys = new Map<string, KeySum>();
  const doubts: Doubt[] = [];
  for (const { day, result } of await readUsage(access, upstream, range)) {
    const place = { day, model: textOf(result, 'model') };
    const sum = sumOf(result);
    days.push({ ...place, ...sum });
    addKey(keys, textOf(result, 'key_id') ?? '', sum);
    doubts.push(...doubtsOf(result).map((doubt) => ({ ...place, ...doubt })));
  }
  const open = await Promise.all(
    (['interrupted', 'queued', 'in_flight'] as const).map((ending) => readEnding(access, { upstream, range, ending })),
  );
  return { side: { days, dayCosts: new Map(), keys: [...keys.values()] }, doubts: [...doubts, ...open.flat()] };
}

async function readUsage(access: ManagementAccess, upstream: string, { startMs, endMs }: DayRange) {
  const found: { day: string; result: unknown }[] = [];
  let cursor: string | undefined;
  do {
    const page = await askManagement(access, '/usage', {
      start_time: new Date(startMs).toISOString(),
      end_time: new Date(endMs).toISOString(),
      bucket: '1d',
      group_by: GROUPS,
      'upstream[]': upstream,
      include_estimated: 'true',
      cursor,
    });
    for (const bucket of listOf(page, 'data')) {
      const day = String(memberOf(bucket, 'start_time')).slice(0, 10);
      found.push(...listOf(bucket, 'results').map((result) => ({ day, result })));
    }
    const next = memberOf(page, 'next_cursor');
    cursor = typeof next === 'string' ? next : undefined;
  } while (cursor !== undefined);
  return found;
}

type Sum = Omit<SideSum, 'day' | 'model'>;

function sumOf(result: unknown): Sum {
  const hasTokens = TOKEN_ENDPOINTS.has(textOf(result, 'endpoint') ?? '');
  return {
    requests: hasTokens ? countOf(result, 'requests') : 0,
    inputTokens: hasTokens ? countOf(result, 'input_tokens') : 0,
    outputTokens: hasTokens ? countOf(result, 'output_tokens') : 0,
    costNanoUsd: parseSignedUsd(String(memberOf(result, 'corrected_cost_usd'))) ?? 0n,
  };
}

function addKey(keys: Map<string, KeySum>, key: string, sum: Sum): void {
  const known = keys.get(key);
  keys.set(key, {
    key,
    requests: (known?.requests ?? 0) + sum.requests,
    inputTokens: (known?.inputTokens ?? 0) + sum.inputTokens,
    outputTokens: (known?.outputTokens ?? 0) + sum.outputTokens,
    costNanoUsd: (known?.costNanoUsd ?? 0n) + (sum.costNanoUsd ?? 0n),
  });
}

function doubtsOf(result: unknown): { kind: Doubt['kind']; calls: number }[] {
  const missing = countOf(result, 'not_counted', 'missing_usage');
  const estimated = countOf(result, 'not_counted', 'estimated');
  const isUnpriced = memberOf(result, 'corrected_cost_complete') === false && missing === 0 && estimated === 0;
  const doubts = [
    { kind: 'missing' as const, calls: missing },
    { kind: 'estimated' as const, calls: estimated },
    { kind: 'unpriced' as const, calls: isUnpriced ? countOf(result, 'requests') : 0 },
  ];
  return doubts.filter(({ calls }) => calls > 0);
}

/** Calls that ended this way, or have not ended, one by one: there are few. */
async function readEnding(
  access: ManagementAccess,
  { upstream, range, ending }: { upstream: string; range: DayRange; ending: 'interrupted' | 'queued' | 'in_flight' },
): Promise<Doubt[]> {
  const doubts: Doubt[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_RECORD_PAGES; pages++) {
    const page = await askManagement(access, '/records', {
      start_time: new Date(range.startMs).toISOString(),
      end_time: new Date(range.endMs).toISOString(),
      ending,
      limit: '1000',
      cursor,
    });
    for (const record of listOf(page, 'data')) {
      if (memberOf(record, 'upstream') !== upstream) continue;
      const day = String(memberOf(record, 'started_at')).slice(0, 10);
      const model = textOf(record, 'response_model') ?? textOf(record, 'request_model');
      doubts.push({ day, model, kind: ending === 'interrupted' ? 'interrupted' : 'open', calls: 1 });
    }
    const next = memberOf(page, 'next_cursor');
    if (typeof next !== 'string') break;
    cursor = next;
  }
  return doubts;
}

function countOf(result: unknown, ...path: readonly string[]): number {
  const value = memberOf(result, ...path);
  return typeof value === 'number' ? value : 0;
}

function textOf(result: unknown, name: string): string | null {
  const value = memberOf(result, name);
  return typeof value === 'string' && value !== '' ? value : null;
}
