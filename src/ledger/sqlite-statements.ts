import { MetertapError } from '../core/errors.ts';
import type { JournalLink } from './journal-link.ts';
import type { SqliteReader } from './reader.ts';
import type {
  ClosingOutcome,
  CorrectionSum,
  LinePage,
  StatementBook,
  StatementClosing,
  StatementFormat,
  StatementLine,
  StatementMonths,
} from './statement.ts';

/** Statements of the SQLite ledger: read by the reading thread, written by the journal's. */
export class SqliteStatements implements StatementBook {
  readonly #reader: SqliteReader;
  readonly #link: JournalLink;

  constructor(reader: SqliteReader, link: JournalLink) {
    this.#reader = reader;
    this.#link = link;
  }

  months(team: string | null): Promise<StatementMonths> {
    return this.#reader.ask('statementMonths', { team });
  }

  lines(page: LinePage): Promise<StatementLine[]> {
    return this.#reader.ask('statementLines', page);
  }

  correctionsIn(team: string, period: string): Promise<CorrectionSum[]> {
    return this.#reader.ask('correctionsIn', { team, period });
  }

  openCalls(team: string, period: string): Promise<number> {
    return this.#reader.ask('openCalls', { team, period });
  }

  document(team: string, period: string, format: StatementFormat): Promise<string | null> {
    return this.#reader.ask('statementDocument', { team, period, format });
  }

  draftLines(draft: {
    team: string;
    period: string;
    lines: readonly StatementLine[];
    isFirst: boolean;
  }): Promise<null> {
    return this.#link.call('draftLines', draft).catch(refuse);
  }

  close(closing: StatementClosing): Promise<ClosingOutcome> {
    return this.#link.call('closeStatement', closing).catch(refuse);
  }
}

function refuse(cause: unknown): never {
  throw new MetertapError('ledger_unavailable', 'The statement could not be written now.', { cause });
}
