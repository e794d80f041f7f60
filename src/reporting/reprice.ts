import { setImmediate as nextTurn } from 'node:timers/promises';
import { formatUsd } from '../core/money.ts';
import type { ChangeAuthor } from '../ledger/access-book.ts';
import type { CorrectionBook, ProposedCorrection, RepricedRecord, RepriceQuestion } from '../ledger/correction.ts';
import { matchesModel } from '../pricing/model-pattern.ts';
import type { Price, PricedCall } from '../pricing/pricer.ts';

export interface RepriceOrder {
  readonly filter: RepriceQuestion;
  readonly reason: string;
  readonly author: ChangeAuthor;
  /** Works everything out and writes nothing. */
  readonly dryRun: boolean;
}

export interface RepricePage {
  readonly afterId: string | null;
  /** How many records are looked at. */
  readonly limit: number;
}

/** What became of the records of one page. Amounts are those of the corrected records alone. */
export interface RepriceResult {
  readonly dry_run: boolean;
  /** Records that were looked at, whatever they are. */
  readonly examined: number;
  readonly corrected: number;
  readonly unchanged: number;
  /** No price is known for them now, and none was before. */
  readonly unpriced: number;
  /** They have a cost, and no price is known for them now: they keep it. */
  readonly without_price: number;
  /** Another correction came in between; the next run sees them anew. */
  readonly changed_meanwhile: number;
  readonly corrections_usd: string;
  readonly by_model: readonly RepricedModel[];
  /** Records that began before this moment may have been removed by retention; null where none were. */
  readonly records_kept_from: string | null;
}

export interface RepricedModel {
  readonly upstream: string;
  readonly model: string | null;
  readonly corrected: number;
  readonly cost_before_usd: string;
  readonly cost_after_usd: string;
  readonly corrections_usd: string;
}

export interface RepriceRooms {
  readonly corrections: CorrectionBook;
  readonly priceCall: (call: PricedCall) => Price | null;
  readonly nextId: () => string;
  /** Told what the corrections that were written have added. */
  readonly onCorrected: (deltasNanoUsd: readonly bigint[]) => void;
  readonly nowMs: () => number;
}

/** Pricing takes some microseconds a record: so many at a time, and calls that come in meanwhile go first. */
const RECORDS_PER_TURN = 50;

interface Change {
  readonly record: RepricedRecord;
  readonly proposed: ProposedCorrection;
}

/**
 * Works out what the calls of one page cost by the prices that hold now for the time at which they began, and writes a
 * correction for each that costs something else (contract.md, "Prices"). Records are never edited, and a cost is never
 * taken away: a record whose price is not known any more keeps what it has. A second run over the same prices writes
 * nothing.
 *
 * @returns the result, and the record after which the next page goes on; null at the end
 */
export async function reprice(
  rooms: RepriceRooms,
  order: RepriceOrder,
  page: RepricePage,
): Promise<{ readonly result: RepriceResult; readonly lastId: string | null }> {
  const found = await rooms.corrections.recordsToReprice(order.filter, page);
  const wanted = found.records.filter((record) => isWanted(record, order.filter));
  const tally = { unchanged: 0, unpriced: 0, without_price: 0 };
  const changes: Change[] = [];
  for (const [position, record] of wanted.entries()) {
    if (position % RECORDS_PER_TURN === RECORDS_PER_TURN - 1) await nextTurn();
    const price = rooms.priceCall({ ...record, atMs: record.startedMs });
    if (price === null) tally[record.costNanoUsd === null ? 'unpriced' : 'without_price'] += 1;
    else if (price.costNanoUsd === record.costNanoUsd) tally.unchanged += 1;
    else changes.push({ record, proposed: proposalOf(record, price, rooms.nextId()) });
  }
  const written = order.dryRun ? changes : await write(rooms, order, changes);
  return {
    result: {
      dry_run: order.dryRun,
      examined: found.examined,
      corrected: written.length,
      ...tally,
      changed_meanwhile: changes.length - written.length,
      corrections_usd: formatUsd(written.reduce((sum, change) => sum + deltaOf(change), 0n)),
      by_model: byModel(written),
      records_kept_from: found.keptFromMs > order.filter.startMs ? new Date(found.keptFromMs).toISOString() : null,
    },
    lastId: found.lastId,
  };
}

function isWanted(record: RepricedRecord, { upstream, model }: RepriceQuestion): boolean {
  if (upstream !== null && record.upstream !== upstream) return false;
  if (model === null) return true;
  return [record.responseModel, record.requestModel].some((name) => name !== null && matchesModel(model, name));
}

function proposalOf(record: RepricedRecord, price: Price, id: string): ProposedCorrection {
  return {
    id,
    recordId: record.id,
    expectedNanoUsd: record.costNanoUsd,
    costNanoUsd: price.costNanoUsd,
    priceId: price.priceId,
  };
}

async function write(rooms: RepriceRooms, order: RepriceOrder, changes: readonly Change[]): Promise<Change[]> {
  if (changes.length === 0) return [];
  const ids = await rooms.corrections.correct({
    corrections: changes.map(({ proposed }) => proposed),
    reason: order.reason,
    asked: order.filter,
    author: order.author,
    nowMs: rooms.nowMs(),
  });
  const ofRecords = new Set(ids);
  const written = changes.filter(({ record }) => ofRecords.has(record.id));
  rooms.onCorrected(written.map(deltaOf));
  return written;
}

function deltaOf({ record, proposed }: Change): bigint {
  return BigInt(proposed.costNanoUsd) - BigInt(record.costNanoUsd ?? 0);
}

function byModel(changes: readonly Change[]): RepricedModel[] {
  const groups = Map.groupBy(changes, ({ record }) => JSON.stringify([record.upstream, modelOf(record)]));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const before = group.reduce((sum, { record }) => sum + BigInt(record.costNanoUsd ?? 0), 0n);
    const delta = group.reduce((sum, change) => sum + deltaOf(change), 0n);
    return [
      {
        upstream: first.record.upstream,
        model: modelOf(first.record),
        corrected: group.length,
        cost_before_usd: formatUsd(before),
        cost_after_usd: formatUsd(before + delta),
        corrections_usd: formatUsd(delta),
      },
    ];
  });
}

function modelOf(record: RepricedRecord): string | null {
  return record.responseModel ?? record.requestModel;
}
