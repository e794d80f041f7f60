import type { DatabaseSync } from 'node:sqlite';
import { inSnapshot, openForReading } from './database.ts';
import type { LedgerReader } from './ledger-reader.ts';
import { usage } from './queries/usage.ts';

/** The sums of the ledger, for a thread that does nothing but read them: each read blocks it. */
export class UsageBook {
  readonly #dataDir: string;
  #database: DatabaseSync | null = null;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** The book as it stands; opened with the first read, which rejects where it cannot be. @param nowMs what is now */
  at(nowMs: number): Pick<LedgerReader, 'usage'> {
    return {
      usage: async (query) => {
        this.#database ??= openForReading(this.#dataDir);
        return inSnapshot(this.#database, (open) => usage(open, query, nowMs));
      },
    };
  }

  close(): void {
    this.#database?.close();
    this.#database = null;
  }
}
