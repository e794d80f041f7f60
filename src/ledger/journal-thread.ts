import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { audit, changeKey, changeTeam, noteUses } from './access-writer.ts';
import { BatchWriter } from './batch-writer.ts';
import { CommitQueue } from './commit-queue.ts';
import { writeCorrections } from './correction-writer.ts';
import { emptyWriteAheadLog, makeFolder, openDatabase } from './database.ts';
import { type InstanceLock, instancesFolder, isInstanceDead, lockInstance, withStartupLock } from './instance-lock.ts';
import type { FromJournal, JournalCalls, JournalStart, ToJournal } from './journal-messages.ts';
import { JournalWriter } from './journal-writer.ts';
import { LedgerError } from './ledger-error.ts';
import { addAlert, claimSinks, releaseSinks, retryParked, settleDelivery } from './outbox-rows.ts';
import { changesSince } from './queries/access.ts';
import { findByUpstreamId } from './queries/records.ts';
import { declareRun, hasRunLimits } from './queries/runs.ts';
import type { CallRecord } from './record.ts';
import { recoverDeadInstances } from './recovery.ts';
import { prune } from './retention.ts';
import { closeStatement, draftLines } from './statement-writer.ts';
import { answerTo, type Request } from './worker-calls.ts';

interface Parts {
  readonly start: JournalStart;
  readonly post: (message: FromJournal) => void;
  readonly lock: InstanceLock;
  readonly database: DatabaseSync;
  readonly writer: JournalWriter;
}

/** What these are asked about, or change, is in the books. */
const ASKS_BOOKS: ReadonlySet<keyof JournalCalls> = new Set([
  'book',
  'findByUpstreamId',
  'declareRun',
  'prune',
  'correct',
  'draftLines',
  'closeStatement',
  'retryParked',
  'claimSinks',
]);

/**
 * Opens the journal on its worker thread: says that this instance lives, opens the database, and closes the calls that
 * dead instances left open.
 *
 * @param post sends a message to the main thread
 * @throws LedgerError with a hint; then nothing is left open
 */
export function openJournalThread(start: JournalStart, post: (message: FromJournal) => void): JournalThread {
  makeFolder(instancesFolder(start.dataDir));
  const thread = withStartupLock(start.dataDir, 'wait', () => {
    const lock = lockInstance(start.dataDir, start.instanceId);
    let database: DatabaseSync | null = null;
    try {
      database = openDatabase(start);
      const { instanceId } = start;
      const books = new BatchWriter(database, instanceId);
      const writer = new JournalWriter(database, books, { instanceId, thread: randomUUID() });
      const recovered = recoverDeadInstances({ ...start, database, writer });
      post({ kind: 'opened', recovered: recovered.length });
      return new JournalThread({ start, post, lock, database, writer });
    } catch (error) {
      database?.close();
      lock.release();
      throw error;
    }
  });
  if (thread === null) throw new Error('Waiting for the startup lock does not skip.');
  return thread;
}

/** The one connection that writes, and the lock that says that this instance lives. */
export class JournalThread {
  readonly #parts: Parts;
  readonly #queue: CommitQueue;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#queue = new CommitQueue(parts.writer, parts.post);
  }

  async receive(message: ToJournal): Promise<void> {
    if (message.kind === 'rows') this.#queue.push(message);
    else this.#parts.post(await answerTo(message.id, () => this.#answer(message)));
  }

  #answer(call: Request<JournalCalls>): unknown {
    const { database, start } = this.#parts;
    if (ASKS_BOOKS.has(call.name)) this.#queue.book();
    switch (call.name) {
      case 'book':
        return null;
      case 'findByUpstreamId':
        return findByUpstreamId(database, call.input.upstreamId, call.input.team);
      case 'declareRun':
        return declareRun(database, call.input.run, call.input);
      case 'noteChange':
        audit(database, call.input.entry, call.input.moment);
        return null;
      case 'hasRunLimits':
        return hasRunLimits(database);
      case 'changeTeam':
        return changeTeam(database, call.input.change, call.input.moment);
      case 'changeKey':
        return changeKey(database, call.input.change, call.input.moment);
      case 'noteUses':
        noteUses(database, call.input);
        return null;
      case 'accessSince':
        return changesSince(database, call.input.version, call.input.nowMs);
      case 'correct':
        return writeCorrections(database, call.input);
      case 'draftLines':
        return draftLines(database, call.input);
      case 'closeStatement':
        return closeStatement(database, call.input);
      case 'prune':
        return prune(database, call.input);
      case 'recover':
        return this.#recover(call.input.nowMs);
      case 'claimSinks':
        return claimSinks(database, { ...call.input, instanceId: start.instanceId }, (instanceId) =>
          isInstanceDead(start.dataDir, instanceId),
        );
      case 'releaseSinks':
        return releaseSinks(database, start.instanceId);
      case 'settleDelivery':
        return settleDelivery(database, call.input, start.instanceId);
      case 'retryParked':
        return retryParked(database, call.input);
      case 'addAlert':
        return addAlert(database, call.input);
      case 'close':
        return this.#close();
    }
  }

  /** Skipped while another process starts or recovers: that one finds the same dead instances. */
  #recover(nowMs: number): CallRecord[] {
    const { start, database, writer } = this.#parts;
    const options = { ...start, database, writer, nowMs, recoverOwn: false };
    return withStartupLock(start.dataDir, 'skip', () => recoverDeadInstances(options)) ?? [];
  }

  #close(): null {
    const committed = this.#queue.commitAll();
    this.#queue.book(); // what cannot be entered now is durable, and is entered at the next start
    this.#queue.stop();
    const { database, lock } = this.#parts;
    try {
      if (committed === 'committed') emptyWriteAheadLog(database);
    } finally {
      database.close();
      lock.release();
    }
    if (committed === 'committed') return null;
    throw new LedgerError('unwritten_rows', 'The last rows could not be written.', {
      hint: 'The log says why writing failed.',
    });
  }
}
