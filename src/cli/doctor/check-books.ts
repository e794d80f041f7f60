import { askManagement, listOf, type ManagementAccess, ManagementFailure, memberOf } from '../management-client.ts';
import { cellText } from '../text-table.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const DAY_MS = 86_400_000;

/** What a running Metertap knows of trouble: calls without a price, without usage, sinks that fail. */
export async function checkBooks(access: ManagementAccess, nowMs: number): Promise<Finding[]> {
  try {
    return [await unpricedFinding(access), await usageFinding(access, nowMs), ...(await sinkFindings(access))];
  } catch (error) {
    if (!(error instanceof ManagementFailure)) throw error;
    return [fail('books', error.message, 'The lines above may say why; else look at the log of the proxy.')];
  }
}

async function unpricedFinding(access: ManagementAccess): Promise<Finding> {
  const models = listOf(await askManagement(access, '/prices/unpriced', {}), 'data');
  if (models.length === 0) return ok('calls without a price', 'none in 30 days');
  const names = models.slice(0, 5).map((row) => cellText(memberOf(row, 'model')));
  const hint = 'Add prices for them, reload, and run metertap reprice: docs/prices.md.';
  return warn('calls without a price', `in 30 days, of ${models.length} models: ${names.join(', ')}`, hint);
}

async function usageFinding(access: ManagementAccess, nowMs: number): Promise<Finding> {
  const day = await askManagement(access, '/usage', {
    bucket: '1d',
    partial_buckets: 'true',
    start_time: new Date(nowMs - DAY_MS).toISOString(),
    end_time: new Date(nowMs).toISOString(),
  });
  const results = listOf(day, 'data').flatMap((bucket) => listOf(bucket, 'results'));
  const sum = (...path: string[]) =>
    results.reduce<number>((total, row) => total + Number(memberOf(row, ...path) ?? 0), 0);
  const [missing, estimated] = [sum('not_counted', 'missing_usage'), sum('not_counted', 'estimated')];
  if (missing + estimated === 0) return ok('usage', `reported for all calls of a day (${sum('requests')})`);
  const hint = 'metertap usage --group-by upstream,model,usage_source says where; docs/correctness.md why.';
  return warn('usage', `in a day ${missing} calls without usage, ${estimated} estimated`, hint);
}

async function sinkFindings(access: ManagementAccess): Promise<Finding[]> {
  const sinks = listOf(await askManagement(access, '/sinks', {}), 'data');
  return sinks.flatMap((sink) => {
    const [name, state] = [cellText(memberOf(sink, 'name')), memberOf(sink, 'state')];
    const parked = Number(memberOf(sink, 'parked') ?? 0);
    const check = `events to ${name}`;
    if (state === 'failing') {
      return [
        warn(
          check,
          `are not taken: ${cellText(memberOf(sink, 'last_error'))}`,
          `metertap sinks test ${name} tries it.`,
        ),
      ];
    }
    if (parked > 0) return [warn(check, `${parked} were refused`, `metertap sinks retry ${name} sends them again.`)];
    return [];
  });
}
