import type { Clock } from '../core/clock.ts';
import type {
  AccessBook,
  AccessDelta,
  AuditEntry,
  AuditFilter,
  AuditPage,
  AuditRow,
  ChangeAuthor,
  ChangeOutcome,
  IdPage,
  KeyChange,
  KeyFilter,
  KeyRow,
  KeyUse,
  TeamChange,
  TeamRow,
} from './access-book.ts';
import type { JournalLink } from './journal-link.ts';
import { LedgerError } from './ledger-error.ts';
import type { SqliteReader } from './reader.ts';
import { unreadable } from './reading-thread.ts';

const BACKGROUND_TIMEOUT_MS = 5_000;

/**
 * Teams and keys over SQLite, as the main thread sees them: lists come from the thread that reads, changes go through
 * the journal's. So does the question of what has changed, because a long report must not keep a revocation waiting.
 */
export class SqliteAccessBook implements AccessBook {
  readonly #reader: SqliteReader;
  readonly #journal: Pick<JournalLink, 'call'>;
  readonly #clock: Clock;

  constructor(reader: SqliteReader, journal: Pick<JournalLink, 'call'>, clock: Clock) {
    this.#reader = reader;
    this.#journal = journal;
    this.#clock = clock;
  }

  async team(id: string): Promise<TeamRow | null> {
    const team = await this.#reader.ask('team', id);
    return team?.deleted_at === null ? team : null;
  }

  teams(page: IdPage): Promise<TeamRow[]> {
    return this.#reader.ask('teams', page);
  }

  key(id: string): Promise<KeyRow | null> {
    return this.#reader.ask('key', id);
  }

  keys(filter: KeyFilter, page: IdPage): Promise<KeyRow[]> {
    return this.#reader.ask('keys', { filter, page });
  }

  audit(filter: AuditFilter, page: AuditPage): Promise<AuditRow[]> {
    return this.#reader.ask('audit', { filter, page });
  }

  async changeTeam(change: TeamChange, author: ChangeAuthor): Promise<ChangeOutcome<TeamRow>> {
    const moment = { ...author, nowMs: this.#clock.nowMs() };
    return this.#journal.call('changeTeam', { change, moment }).catch(refuse);
  }

  async changeKey(change: KeyChange, author: ChangeAuthor): Promise<ChangeOutcome<KeyRow>> {
    const moment = { ...author, nowMs: this.#clock.nowMs() };
    return this.#journal.call('changeKey', { change, moment }).catch(refuse);
  }

  async noteChange(entry: AuditEntry, author: ChangeAuthor): Promise<void> {
    const moment = { ...author, nowMs: this.#clock.nowMs() };
    await inTime(this.#journal.call('noteChange', { entry, moment })).catch(refuse);
  }

  async noteUses(uses: readonly KeyUse[]): Promise<void> {
    await inTime(this.#journal.call('noteUses', uses)).catch(refuse);
  }

  changesSince(version: number): Promise<AccessDelta> {
    return inTime(this.#journal.call('accessSince', { version, nowMs: this.#clock.nowMs() })).catch(refuse);
  }
}

/** Work of the background must not hold up a stop while the disk stands still. */
async function inTime<Value>(answer: Promise<Value>): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(tooLate()), BACKGROUND_TIMEOUT_MS);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLate(): LedgerError {
  return new LedgerError('failed', 'The journal took too long.', { hint: 'The disk of the data folder stands still.' });
}

function refuse(cause: unknown): never {
  throw unreadable(cause);
}
