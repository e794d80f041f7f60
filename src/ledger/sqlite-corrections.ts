import { MetertapError } from '../core/errors.ts';
import type { Correction, CorrectionBatch, CorrectionBook, RepricingPage, RepricingRange } from './correction.ts';
import type { SqliteReader } from './reader.ts';

/** Corrections of the SQLite ledger: read by the reading thread, written by the journal's. */
export class SqliteCorrections implements CorrectionBook {
  readonly #reader: SqliteReader;
  readonly #write: (batch: CorrectionBatch) => Promise<string[]>;

  constructor(reader: SqliteReader, write: (batch: CorrectionBatch) => Promise<string[]>) {
    this.#reader = reader;
    this.#write = write;
  }

  recordsToReprice(range: RepricingRange, page: { afterId: string | null; limit: number }): Promise<RepricingPage> {
    return this.#reader.ask('recordsToReprice', { range, page });
  }

  async correct(batch: CorrectionBatch): Promise<string[]> {
    try {
      return await this.#write(batch);
    } catch (cause) {
      throw new MetertapError('ledger_unavailable', 'The corrections could not be written now.', { cause });
    }
  }

  correctionsOf(recordIds: readonly string[]): Promise<Correction[]> {
    return recordIds.length === 0 ? Promise.resolve([]) : this.#reader.ask('correctionsOf', { recordIds });
  }
}
