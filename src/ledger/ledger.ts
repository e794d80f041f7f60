import type { CallRecord } from './record.ts';

/**
 * The book of calls. Writing is in two steps: `open` when the call goes out, `finish` when it has ended.
 *
 * Implementations are idempotent by `record.id`: a record that has an end is never changed by a second `finish`.
 */
export interface Ledger {
  /**
   * Puts the row of a call that has just begun (`ending: 'in_flight'`) on its way to the journal. Does not wait and
   * does not throw: a row that cannot be written is told by `state`.
   */
  open(record: CallRecord): void;

  /**
   * Writes the ended (or `queued`) record and has it folded into the roll-ups, once.
   * Resolves when it survives the end of the process; rejects with `ledger_unavailable` when it cannot be written.
   */
  finish(record: CallRecord): Promise<void>;

  /**
   * Finds the call that created a Responses API object, for settling background responses and for inheriting the run
   * over `previous_response_id`. Null when this ledger has not seen it, or not within this team.
   *
   * @param team null looks in all teams
   */
  findByUpstreamId(upstreamId: string, team: string | null): Promise<CallRecord | null>;

  /** `ready`, or why records cannot be written now. */
  readonly state: LedgerState;

  /** Told of every committed record that has an end or is queued, in the order of the commits. */
  onCommitted(listener: (record: CallRecord) => void): () => void;

  /** Writes what is waiting, then closes. */
  close(): Promise<void>;
}

export type LedgerState =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly hint: string };
