import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { findKey, findTeam } from './access-rows.ts';
import { inSnapshot, openForReading } from './database.ts';
import type { STOP } from './end-worker.ts';
import { listAudit, listKeys, listTeams } from './queries/access.ts';
import { sumsOfRun, sumsOfSession } from './queries/activity.ts';
import { correctionsOf, recordsToReprice } from './queries/corrections.ts';
import { nextPage, standings } from './queries/outbox.ts';
import { findRecord, listRecords, recordsOfRun } from './queries/records.ts';
import { childrenOf, findRun, listRuns, teamsOfRun } from './queries/runs.ts';
import { settledEntries, settlementOf } from './queries/settled.ts';
import { correctionsIn, openCalls, statementDocument, statementLines, statementMonths } from './queries/statements.ts';
import { usage, usageSpan } from './queries/usage.ts';
import type { ReaderCalls, ReaderStart } from './reader-messages.ts';
import { lastSettlement } from './settlement.ts';
import { answerTo, type Request } from './worker-calls.ts';

/**
 * The worker thread that reads: a connection of its own that cannot write, so that a long read never keeps a commit
 * waiting. Opened with the first question, so that its failure is that question's answer.
 */
const { dataDir }: ReaderStart = workerData;
let database: DatabaseSync | null = null;

parentPort?.on('message', (call: Request<ReaderCalls> | typeof STOP) => {
  if (call.kind === 'stop') {
    database?.close();
    parentPort?.close();
    return;
  }
  const read = (): unknown => {
    database ??= openForReading(dataDir);
    return inSnapshot(database, (open) => answer(open, call));
  };
  void answerTo(call.id, read).then((message) => parentPort?.postMessage(message));
});

function answer(open: DatabaseSync, call: Request<ReaderCalls>): unknown {
  switch (call.name) {
    case 'record':
      return findRecord(open, call.input.id, call.input.team);
    case 'records':
      return listRecords(open, call.input.filter, call.input.page);
    case 'lastSettlement':
      return lastSettlement(open);
    case 'settlementOf':
      return settlementOf(open, call.input.filter, call.input.id);
    case 'settledEntries':
      return settledEntries(open, call.input.filter, call.input.page);
    case 'recordsOfRun':
      return recordsOfRun(open, call.input);
    case 'run':
      return findRun(open, call.input);
    case 'teamsOfRun':
      return teamsOfRun(open, call.input);
    case 'runs':
      return listRuns(open, call.input.filter, call.input.page);
    case 'childrenOf':
      return childrenOf(open, call.input);
    case 'sumsOfRun':
      return sumsOfRun(open, call.input);
    case 'sumsOfSession':
      return sumsOfSession(open, call.input);
    case 'team':
      return findTeam(open, call.input);
    case 'teams':
      return listTeams(open, call.input);
    case 'key':
      return findKey(open, call.input);
    case 'keys':
      return listKeys(open, call.input.filter, call.input.page);
    case 'audit':
      return listAudit(open, call.input.filter, call.input.page);
    case 'recordsToReprice':
      return recordsToReprice(open, call.input.range, call.input.page);
    case 'correctionsOf':
      return correctionsOf(open, call.input.recordIds);
    case 'statementMonths':
      return statementMonths(open, call.input.team);
    case 'statementLines':
      return statementLines(open, call.input);
    case 'correctionsIn':
      return correctionsIn(open, call.input.team, call.input.period);
    case 'openCalls':
      return openCalls(open, call.input.team, call.input.period);
    case 'statementDocument':
      return statementDocument(open, call.input);
    case 'usage':
      return usage(open, call.input.query, call.input.nowMs);
    case 'usageSpan':
      return usageSpan(open, call.input.query, call.input.nowMs);
    case 'outboxPage':
      return nextPage(open, call.input.sink, call.input.limit);
    case 'sinkStandings':
      return standings(open, call.input.nowMs);
  }
}
