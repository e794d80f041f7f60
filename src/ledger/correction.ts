import type { Usage } from '../metering/usage.ts';
import type { ChangeAuthor } from './access-book.ts';
import type { CallRecord } from './record.ts';

/**
 * What a record's cost is now, beside what it was when it was recorded. The latest correction of a record holds; the sum
 * of the deltas of all of them is the difference between its `cost_after_nano_usd` and the record's own cost.
 */
export interface Correction {
  readonly id: string;
  readonly record_id: string;
  readonly created_at: string;
  /** The month whose statement it stands in: `2026-11`. */
  readonly period: string;
  readonly reason: string;
  readonly actor: string;
  /** Null where the call was unpriced before. */
  readonly cost_before_nano_usd: number | null;
  readonly cost_after_nano_usd: number;
  readonly delta_nano_usd: number;
  readonly price_id_before: string | null;
  readonly price_id_after: string;
}

/** A correction as exports and events tell it: with whose call it was. */
export interface SettledCorrection extends Correction {
  readonly team: string;
  readonly key_id: string;
  readonly run_id: string | null;
  readonly upstream: string;
  /** The model that answered, else the one that was asked for; '' for none. */
  readonly model: string;
  readonly record_started_at: string;
  /** The call; null where retention has removed it. */
  readonly record: CallRecord | null;
}

/** What of a record its price depends on, and what it costs now, corrections included. */
export interface RepricedRecord {
  readonly id: string;
  readonly startedMs: number;
  readonly team: string;
  readonly upstream: string;
  readonly requestModel: string | null;
  readonly responseModel: string | null;
  readonly serviceTier: string | null;
  readonly usage: Usage;
  readonly costNanoUsd: number | null;
}

/** Which records are looked at. */
export interface RepricingRange {
  readonly team: string | null;
  /** Calls that began in this range: inclusive, exclusive. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Which calls get their prices anew. */
export interface RepriceQuestion extends RepricingRange {
  /** A name or a glob, of the model that answered or of the one that was asked for; null for all. */
  readonly model: string | null;
  readonly upstream: string | null;
}

export interface RepricingPage {
  /** Ended records of known usage among those that were looked at. */
  readonly records: readonly RepricedRecord[];
  /** How many records were looked at. */
  readonly examined: number;
  /** The last one that was looked at; null at the end of the range. */
  readonly lastId: string | null;
  /** Records that began before this moment may have been removed by retention. */
  readonly keptFromMs: number;
}

/** A new cost of a record. */
export interface ProposedCorrection {
  readonly id: string;
  readonly recordId: string;
  /** What it cost when the new cost was worked out; nothing is written where it is another by now. */
  readonly expectedNanoUsd: number | null;
  readonly costNanoUsd: number;
  readonly priceId: string;
}

export interface CorrectionBatch {
  readonly corrections: readonly ProposedCorrection[];
  readonly reason: string;
  /** What was asked for, for the audit. */
  readonly asked: RepriceQuestion;
  readonly author: ChangeAuthor;
  readonly nowMs: number;
}

/** Corrections of the ledger. Every method rejects with `ledger_unavailable` where the ledger cannot be used. */
export interface CorrectionBook {
  /** Ended records with usage, in the order of their ids, after one of them. Looks at `limit` records. */
  recordsToReprice(range: RepricingRange, page: { afterId: string | null; limit: number }): Promise<RepricingPage>;
  /** Writes corrections, and an entry of the audit, in one transaction. Gives the ids of the records whose cost it has corrected. */
  correct(batch: CorrectionBatch): Promise<string[]>;
  /** All corrections of these records, in the order in which they were made. */
  correctionsOf(recordIds: readonly string[]): Promise<Correction[]>;
}
