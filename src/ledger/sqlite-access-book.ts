import type { Clock } from '../core/clock.ts';
import type {
  AccessBook,
  AccessDelta,
  AuditFilter,
  AuditPage,
  AuditRow,
  ChangeAuthor,
  ChangeOutcome,
  IdPage,
  KeyChange,
  KeyFilter,
  KeyRow,
  TeamChange,
  TeamRow,
} from './access-book.ts';
import type { JournalLink } from './journal-link.ts';
import { type SqliteReader, unreadable } from './reader.ts';

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

  changesSince(version: number): Promise<AccessDelta> {
    return this.#journal.call('accessSince', { version, nowMs: this.#clock.nowMs() }).catch(refuse);
  }
}

function refuse(cause: unknown): never {
  throw unreadable(cause);
}
