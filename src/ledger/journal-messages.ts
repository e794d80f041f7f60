import type {
  AccessDelta,
  AuditEntry,
  ChangeOutcome,
  KeyChange,
  KeyRow,
  KeyUse,
  TeamChange,
  TeamRow,
} from './access-book.ts';
import type { ChangeMoment } from './access-writer.ts';
import type { CorrectionBatch } from './correction.ts';
import type { DatabaseOptions } from './database.ts';
import type { LedgerErrorData } from './ledger-error.ts';
import type { RunDeclaration, RunKey, RunRow } from './ledger-reader.ts';
import type { NewAlert, Settlement } from './outbox.ts';
import type { ClaimInput } from './outbox-rows.ts';
import type { CallRecord } from './record.ts';
import type { ColumnValue } from './record-columns.ts';
import type { RowStep } from './row-lines.ts';
import type { ClosingOutcome, StatementClosing, StatementLine } from './statement.ts';
import type { Answer, Request } from './worker-calls.ts';

/** What the threads of the journal say to each other. Only plain data, cheap to copy. */
export interface JournalStart extends DatabaseOptions {
  readonly instanceId: string;
  /** The time of the start; what is recovered ends then. */
  readonly nowMs: number;
  /**
   * Whether open calls of this very instance are from an earlier life and are to be closed: true when the process
   * starts, false when only the thread is started again.
   */
  readonly recoverOwn: boolean;
}

export interface JournalRow {
  readonly sequence: number;
  readonly step: RowStep;
  readonly columns: readonly ColumnValue[];
}

/** Rows that the thread writes and acknowledges, a line each. */
export interface PostedRows {
  readonly kind: 'rows';
  /** That of the first. It rises by one with every row of this process; acknowledgements name it. */
  readonly firstSequence: number;
  readonly lines: string;
}

/** So many rows of this process stand in its segments by now; they are to be booked before long. */
export interface AppendedRows {
  readonly kind: 'appended';
  readonly rows: number;
}

/** Calls that are answered, unlike rows, which are acknowledged in batches. */
export interface JournalCalls {
  /** Brings the books up to date; answers in any case. */
  book: { input: null; output: null };
  findByUpstreamId: { input: { upstreamId: string; team: string | null }; output: CallRecord | null };
  declareRun: { input: { run: RunKey; declared: RunDeclaration; moment: ChangeMoment }; output: RunRow };
  hasRunLimits: { input: null; output: boolean };
  changeTeam: { input: { change: TeamChange; moment: ChangeMoment }; output: ChangeOutcome<TeamRow> };
  changeKey: { input: { change: KeyChange; moment: ChangeMoment }; output: ChangeOutcome<KeyRow> };
  noteChange: { input: { entry: AuditEntry; moment: ChangeMoment }; output: null };
  noteUses: { input: readonly KeyUse[]; output: null };
  accessSince: { input: { version: number; nowMs: number }; output: AccessDelta };
  prune: { input: { beforeMs: number | null; nowMs: number }; output: PruneResult };
  /** What is being deleted by `prune` ends after its step, and answers. */
  stopPruning: { input: null; output: null };
  correct: { input: CorrectionBatch; output: string[] };
  draftLines: {
    input: { team: string; period: string; lines: readonly StatementLine[]; isFirst: boolean };
    output: null;
  };
  closeStatement: { input: StatementClosing; output: ClosingOutcome };
  recover: { input: { nowMs: number }; output: CallRecord[] };
  claimSinks: { input: ClaimInput; output: string[] };
  releaseSinks: { input: null; output: null };
  settleDelivery: { input: Settlement; output: 'settled' | 'lease_lost' };
  retryParked: { input: string; output: number | null };
  addAlert: { input: NewAlert; output: 'added' | 'known' };
  /** `isComplete`: nothing more comes to the segments of this process. */
  close: { input: { isComplete: boolean }; output: null };
}

export interface PruneResult {
  readonly records: number;
  /** Those of them that some sink was still waiting for. */
  readonly undelivered: number;
  readonly minuteRows: number;
  readonly hourRows: number;
}

export type ToJournal = PostedRows | AppendedRows | Request<JournalCalls>;

/** `Value`: see `Answer`. */
export type FromJournal<Value = unknown> =
  /** The database is open; so many calls of dead instances were closed as `interrupted`. */
  | { readonly kind: 'opened'; readonly recovered: number }
  /** The database cannot be opened; the thread ends. */
  | { readonly kind: 'not_opened'; readonly error: LedgerErrorData }
  /** All posted rows up to this sequence are committed, but for those listed. */
  | { readonly kind: 'committed'; readonly throughSequence: number; readonly unwritten: readonly UnwrittenRow[] }
  /** The books have so many of the rows of this process's segments. */
  | { readonly kind: 'booked'; readonly rows: number }
  /** Why rows that were durable could not be entered in the books; they are kept in `refused_rows`. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }
  /** A transaction failed. It is tried again by itself. */
  | { readonly kind: 'stalled'; readonly error: LedgerErrorData }
  | Answer<Value>;

export interface UnwrittenRow {
  readonly sequence: number;
  /** `known`: the record has an end already. `fault`: the row holds a value that the ledger cannot keep. */
  readonly why: 'known' | 'fault';
  readonly message: string;
}

/** Why a row is not written whose record has an end already. */
export const KNOWN = { why: 'known', message: 'The record has an end already.' } as const;
