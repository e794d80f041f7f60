import type { AuditFilter, AuditPage, AuditRow, IdPage, KeyFilter, KeyRow, TeamRow } from './access-book.ts';
import type { Correction, RepricingPage, RepricingRange } from './correction.ts';
import type {
  ActivitySum,
  RecordFilter,
  RunFilter,
  RunKey,
  RunRow,
  SettledEntries,
  SettledPage,
  UsageQuery,
  UsageRow,
  UsageSpan,
} from './ledger-reader.ts';
import type { OutboxPage, SinkRegistration, SinkStanding } from './outbox.ts';
import type { RecordPage } from './queries/records.ts';
import type { RunPage } from './queries/runs.ts';
import type { CallRecord } from './record.ts';
import type { CorrectionSum, LinePage, StatementFormat, StatementLine, StatementMonths } from './statement.ts';

/** What the thread that reads is asked, by the names of `LedgerReader`. */
export interface ReaderCalls {
  record: { input: { id: string; team: string | null }; output: CallRecord | null };
  records: { input: { filter: RecordFilter; page: RecordPage }; output: CallRecord[] };
  lastSettlement: { input: null; output: number };
  settlementOf: { input: { filter: RecordFilter; id: string }; output: number | null };
  settledEntries: { input: { filter: RecordFilter; page: SettledPage }; output: SettledEntries };
  recordsOfRun: { input: RunKey; output: CallRecord[] };
  run: { input: RunKey; output: RunRow | null };
  teamsOfRun: { input: string; output: string[] };
  runs: { input: { filter: RunFilter; page: RunPage }; output: RunRow[] };
  childrenOf: { input: RunKey; output: RunRow[] };
  sumsOfRun: { input: RunKey; output: ActivitySum[] };
  sumsOfSession: { input: { team: string | null; sessionId: string }; output: ActivitySum[] };
  team: { input: string; output: TeamRow | null };
  teams: { input: IdPage; output: TeamRow[] };
  key: { input: string; output: KeyRow | null };
  keys: { input: { filter: KeyFilter; page: IdPage }; output: KeyRow[] };
  audit: { input: { filter: AuditFilter; page: AuditPage }; output: AuditRow[] };
  recordsToReprice: {
    input: { range: RepricingRange; page: { afterId: string | null; limit: number } };
    output: RepricingPage;
  };
  correctionsOf: { input: { recordIds: readonly string[] }; output: Correction[] };
  statementMonths: { input: { team: string | null }; output: StatementMonths };
  statementLines: { input: LinePage; output: StatementLine[] };
  correctionsIn: { input: { team: string; period: string }; output: CorrectionSum[] };
  openCalls: { input: { team: string; period: string }; output: number };
  statementDocument: { input: { team: string; period: string; format: StatementFormat }; output: string | null };
  usage: { input: { query: UsageQuery; nowMs: number }; output: UsageRow[] };
  usageSpan: { input: { query: UsageQuery; nowMs: number }; output: UsageSpan };
  outboxPage: { input: { sink: SinkRegistration; limit: number }; output: OutboxPage };
  sinkStandings: { input: { nowMs: number }; output: SinkStanding[] };
}

export interface ReaderStart {
  readonly dataDir: string;
}
