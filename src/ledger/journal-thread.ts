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
import { segmentsFolder } from './segment-name.ts';
import { SegmentReader } from './segment-reader.ts';
import { closeStatement, draftLines } from './statement-writer.ts';
import { answerTo, type Request } from './worker-calls.ts';

interface Parts {
  readonly start: JournalStart;
  readonly post: (message: FromJournal) => void;
  readonly lock: InstanceLock;
  readonly database: DatabaseSync;
  readonly writer: JournalWriter;
  readonly segments: SegmentReader;
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

/** What these change must be in the books: a correction is added to roll-ups that are there, a statement is their sum. */
const CHANGES_BOOKS: ReadonlySet<keyof JournalCalls> = new Set(['correct', 'draftLines', 'closeStatement']);

/**
 * Opens the journal on its worker thread: says that this instance lives, opens the database, and closes the calls that
 * dead instances left open.
 *
 * @param post sends a message to the main thread
 * @throws LedgerError with a hint; then nothing is left open
 */
export function openJournalThread(start: JournalStart, post: (message: FromJournal) => void): JournalThread {
  makeFolder(instancesFolder(start.dataDir));
  makeFolder(segmentsFolder(start.dataDir));
  const thread = withStartupLock(start.dataDir, 'wait', () => {
    const lock = lockInstance(start.dataDir, start.instanceId);
    let database: DatabaseSync | null = null;
    try {
      database = openDatabase(start);
      const { instanceId } = start;
      const segments = new SegmentReader(database, segmentsFolder(start.dataDir));
      const books = new BatchWriter(database, instanceId);
      const early: FromJournal[] = [];
      let tell = (message: FromJournal): unknown => early.push(message); // that it is open is said first
      const onRefused = (reasons: readonly string[]): unknown => tell({ kind: 'refused', reasons });
      const writer = new JournalWriter({ database, books, segments, instanceId, onRefused });
      const recovered = recoverDeadInstances({ ...start, database, writer, segments });
      post({ kind: 'opened', recovered: recovered.length });
      for (const message of early) post(message);
      tell = post;
      return new JournalThread({ start, post, lock, database, writer, segments });
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
  #pruning = new AbortController();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#queue = new CommitQueue(parts.writer, parts.start.instanceId, parts.post);
  }

  async receive(message: ToJournal): Promise<void> {
    if (message.kind === 'appended') this.#queue.appended(message.rows);
    else if (message.kind === 'rows') this.#queue.push(message);
    else this.#parts.post(await answerTo(message.id, () => this.#answer(message)));
  }

  #answer(call: Request<JournalCalls>): unknown {
    const { database, start } = this.#parts;
    const isBooked = !ASKS_BOOKS.has(call.name) || this.#queue.book() === 'booked';
    if (!isBooked && CHANGES_BOOKS.has(call.name)) throw unbooked();
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
        return prune(database, { ...call.input, signal: this.#pruning.signal });
      case 'stopPruning':
        return this.#stopPruning();
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
        return this.#close(call.input.isComplete);
    }
  }

  #stopPruning(): null {
    this.#pruning.abort();
    this.#pruning = new AbortController();
    return null;
  }

  /** Skipped while another process starts or recovers: that one finds the same dead instances. */
  #recover(nowMs: number): CallRecord[] {
    const options = { ...this.#parts.start, ...this.#parts, nowMs, recoverOwn: false };
    const { start } = this.#parts;
    return withStartupLock(start.dataDir, 'skip', () => recoverDeadInstances(options)) ?? [];
  }

  /** What cannot be booked now is durable, and is booked at the next start. */
  #close(isComplete: boolean): null {
    this.#stopPruning();
    const committed = this.#queue.commitAll();
    const booked = this.#queue.book();
    this.#queue.stop();
    const { database, lock, segments, start } = this.#parts;
    try {
      if (isComplete && booked === 'booked') segments.removeOf((instanceId) => instanceId === start.instanceId);
      if (committed === 'committed') emptyWriteAheadLog(database);
    } finally {
      segments.close();
      database.close();
      lock.release();
    }
    if (committed === 'committed') return null;
    throw new LedgerError('unwritten_rows', 'The last rows could not be written.', {
      hint: 'The log says why writing failed.',
    });
  }
}

function unbooked(): LedgerError {
  return new LedgerError('failed', 'The books cannot be brought up to date now.', {
    hint: 'Try again in a moment. The log says why writing failed.',
  });
}
