import { RecentCache } from '../core/recent-cache.ts';
import { isResponsesRecord } from './queries/records.ts';
import type { CallRecord } from './record.ts';

/**
 * The Responses objects of the last calls by their own id, so that a follow-up call, which names the one before it, does
 * not wait for the database. Upstreams make these ids; those of two teams may meet, so each team keeps its own.
 */
export class RecentResponses {
  readonly #cache: RecentCache<string, readonly CallRecord[]>;

  constructor(capacity: number) {
    this.#cache = new RecentCache(capacity);
  }

  remember(record: CallRecord): void {
    if (record.upstream_id === null || !isResponsesRecord(record)) return;
    const known = this.#cache.get(record.upstream_id) ?? [];
    const sameCall = known.find((candidate) => candidate.id === record.id);
    if (sameCall !== undefined && sameCall.ending !== 'queued') return; // what has an end does not change
    const others = known.filter((candidate) => candidate.team !== record.team);
    this.#cache.set(record.upstream_id, [record, ...others]);
  }

  /** The newest record of this id in the team, or in any where `team` is null. */
  find(upstreamId: string, team: string | null): CallRecord | null {
    let newest: CallRecord | null = null;
    for (const record of this.#cache.get(upstreamId) ?? []) {
      if (team !== null && record.team !== team) continue;
      if (newest === null || record.id > newest.id) newest = record;
    }
    return newest;
  }
}
