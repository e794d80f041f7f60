import { parseDecimal } from '../core/money.ts';
import type { KeySum, Side, SideSum } from '../reporting/reconciliation.ts';
import { listOf, ManagementFailure, memberOf } from './management-client.ts';

/** An upstream whose organization usage and costs are read (OpenAI's API, standards.md 1). */
export interface OrganizationAccess {
  /** As SDKs are given it, with `/v1` at its end. */
  readonly baseUrl: string;
  readonly adminKey: string;
  readonly stop: AbortSignal;
}

export interface DayRange {
  /** Midnights, UTC. */
  readonly startMs: number;
  readonly endMs: number;
}

const TIMEOUT_MS = 60_000;
const USAGE_DAYS_PER_PAGE = '31';
const COST_DAYS_PER_PAGE = '180';
/** The kinds of usage that are counted in tokens. */
const TOKEN_KINDS = ['completions', 'embeddings'] as const;
/** A server that pages without end is stopped here: 10 years of days take 120 pages. */
const MAX_PAGES = 500;

/** Reads what the upstream counted and billed, by day, model and key. Throws `ManagementFailure`. */
export async function readOrganization(access: OrganizationAccess, range: DayRange): Promise<Side> {
  const days: SideSum[] = [];
  const keys = new Map<string, KeySum>();
  const dayCosts = new Map<string, bigint>();
  for (const kind of TOKEN_KINDS) {
    for (const { day, result } of await readBuckets(access, `usage/${kind}`, usageQuery(range))) {
      const sum = tokensOf(result);
      days.push({ day, model: textOf(result, 'model'), ...sum });
      addKey(keys, textOf(result, 'api_key_id'), sum);
    }
  }
  for (const { day, result } of await readCosts(access, range)) {
    const costNanoUsd = amountOf(result);
    const model = billedModel(textOf(result, 'line_item'), days, day);
    if (model === null) dayCosts.set(day, (dayCosts.get(day) ?? 0n) + costNanoUsd);
    else days.push({ day, model, ...NOTHING, costNanoUsd });
    addKey(keys, textOf(result, 'api_key_id'), { ...NOTHING, costNanoUsd });
  }
  return { days, dayCosts, keys: [...keys.values()] };
}

type Sum = Omit<SideSum, 'day' | 'model'>;
const NOTHING: Sum = { requests: 0, inputTokens: 0, outputTokens: 0, costNanoUsd: null };

function tokensOf(result: unknown): Sum {
  const count = (name: string): number => {
    const value = memberOf(result, name);
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
  };
  return {
    requests: count('num_model_requests'),
    inputTokens: count('input_tokens'),
    outputTokens: count('output_tokens'),
    costNanoUsd: null,
  };
}

function addKey(keys: Map<string, KeySum>, key: string | null, sum: Sum): void {
  if (key === null) return;
  const known = keys.get(key) ?? { key, ...NOTHING };
  keys.set(key, {
    key,
    requests: known.requests + sum.requests,
    inputTokens: known.inputTokens + sum.inputTokens,
    outputTokens: known.outputTokens + sum.outputTokens,
    costNanoUsd: sum.costNanoUsd === null ? known.costNanoUsd : (known.costNanoUsd ?? 0n) + sum.costNanoUsd,
  });
}

/** Line items are written `gpt-5-mini, input`; one of no model that was used that day is a cost of the day alone. */
function billedModel(lineItem: string | null, days: readonly SideSum[], day: string): string | null {
  const name = lineItem?.split(',', 1)[0]?.trim() ?? '';
  return days.some((row) => row.day === day && row.model === name) ? name : null;
}

/** The shape has a JSON number here; its shortest decimal form is what was meant. */
function amountOf(result: unknown): bigint {
  const value = memberOf(result, 'amount', 'value');
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
  if (!Number.isFinite(number)) throw new ManagementFailure('The upstream gave a cost that is no number.');
  const magnitude = parseDecimal(Math.abs(number).toFixed(9), 9);
  if (magnitude === null) throw new ManagementFailure(`The upstream gave a cost of ${number}, which is out of range.`);
  return number < 0 ? -magnitude : magnitude;
}

interface DayResult {
  readonly day: string;
  readonly result: unknown;
}

function usageQuery(range: DayRange): URLSearchParams {
  return query(range, USAGE_DAYS_PER_PAGE, ['model', 'api_key_id']);
}

/** By model where the upstream bills line by line; else by key and day alone. */
async function readCosts(access: OrganizationAccess, range: DayRange): Promise<DayResult[]> {
  try {
    return await readBuckets(access, 'costs', query(range, COST_DAYS_PER_PAGE, ['line_item', 'api_key_id']));
  } catch (error) {
    if (!(error instanceof BadQuestion)) throw error;
    return readBuckets(access, 'costs', query(range, COST_DAYS_PER_PAGE, ['api_key_id']));
  }
}

function query({ startMs, endMs }: DayRange, limit: string, groupBy: readonly string[]): URLSearchParams {
  const parameters = new URLSearchParams({
    start_time: String(startMs / 1_000),
    end_time: String(endMs / 1_000),
    bucket_width: '1d',
    limit,
  });
  for (const group of groupBy) parameters.append('group_by[]', group);
  return parameters;
}

async function readBuckets(access: OrganizationAccess, path: string, asked: URLSearchParams): Promise<DayResult[]> {
  const results: DayResult[] = [];
  let page: string | null = null;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const parameters = new URLSearchParams(asked);
    if (page !== null) parameters.set('page', page);
    const answer = await ask(access, `${path}?${parameters}`);
    for (const bucket of listOf(answer, 'data')) {
      const start = memberOf(bucket, 'start_time');
      if (typeof start !== 'number') throw new ManagementFailure(`${path}: a bucket has no start_time.`);
      const day = new Date(start * 1_000).toISOString().slice(0, 10);
      results.push(...listOf(bucket, 'results').map((result) => ({ day, result })));
    }
    const next = memberOf(answer, 'next_page');
    if (typeof next !== 'string') return results;
    page = next;
  }
  throw new ManagementFailure(`${path}: the upstream's pages have no end.`);
}

/** A refusal of the question itself. */
class BadQuestion extends ManagementFailure {}

async function ask({ baseUrl, adminKey, stop }: OrganizationAccess, path: string): Promise<unknown> {
  const url = `${baseUrl.replace(/\/+$/, '')}/organization/${path}`;
  const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]);
  let answer: Response;
  try {
    answer = await fetch(url, { headers: { authorization: `Bearer ${adminKey}` }, signal });
  } catch (cause) {
    if (stop.aborted) throw cause;
    throw new ManagementFailure(`The upstream cannot be asked at ${baseUrl}.`, { cause });
  }
  const body: unknown = await answer.json().catch(() => null); // the status alone says enough
  if (answer.ok && body !== null) return body;
  const message = memberOf(body, 'error', 'message');
  const why = `The upstream answered HTTP ${answer.status} to /organization/${path.split('?')[0]}${typeof message === 'string' ? `: ${message}` : '.'}`;
  if (answer.status === 400) throw new BadQuestion(why);
  throw new ManagementFailure(
    [401, 403].includes(answer.status) ? `${why}\nIs admin_api_key an admin key of this upstream?` : why,
  );
}

function textOf(result: unknown, name: string): string | null {
  const value = memberOf(result, name);
  return typeof value === 'string' && value !== '' ? value : null;
}
