import type { LedgerReader } from '../ledger/ledger-reader.ts';
import { bucketStart } from './usage-report.ts';

/** An end user in the shape of OpenAI's organization users, as far as calls tell of them. */
export interface OrganizationUser {
  readonly object: 'organization.user';
  readonly id: string;
  readonly name: null;
  readonly email: null;
  readonly role: 'reader';
  /** Unix seconds: the first of the days looked at on which a call named the user. */
  readonly added_at: number;
}

const DAYS = 31;
const DAY_MS = 86_400_000;

/** End users that calls of the last 31 days named, by their ids. @param team null: of all teams */
export async function reportUsers(
  reader: Pick<LedgerReader, 'usage'>,
  team: string | null,
  nowMs: number,
): Promise<OrganizationUser[]> {
  const endMs = bucketStart(nowMs, '1d') + DAY_MS;
  const rows = await reader.usage({
    startMs: endMs - DAYS * DAY_MS,
    endMs,
    bucket: '1d',
    groupBy: ['user'],
    filters: team === null ? {} : { team: [team] },
    includeEstimated: false,
    sums: [],
  });
  const firstDays = new Map<string, number>();
  for (const { dimensions, bucketStartMs } of rows) {
    const user = dimensions.user ?? null;
    if (user !== null) firstDays.set(user, Math.min(bucketStartMs, firstDays.get(user) ?? bucketStartMs));
  }
  return [...firstDays]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, firstDayMs]) => ({
      object: 'organization.user',
      id,
      name: null,
      email: null,
      role: 'reader',
      added_at: firstDayMs / 1_000,
    }));
}
