import type { DatabaseSync } from 'node:sqlite';
import { inSnapshot, openForReading } from './database.ts';
import type { LedgerReader } from './ledger-reader.ts';
import { sumsOfRun } from './queries/activity.ts';
import { recordsOfRun } from './queries/records.ts';
import { childrenOf, findRun } from './queries/runs.ts';
import { usage } from './queries/usage.ts';

/** What long reports read of the ledger. */
export type ReportBooks = Pick<LedgerReader, 'usage' | 'run' | 'sumsOfRun' | 'childrenOf' | 'recordsOfRun'>;

/** The ledger for a thread that does nothing but read it: each read blocks the thread. */
export class ReportBook {
  readonly #dataDir: string;
  #database: DatabaseSync | null = null;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** The books; opened with the first read, which rejects where they cannot be. @param nowMs what is now */
  at(nowMs: number): ReportBooks {
    return {
      usage: async (query) => this.#read((open) => usage(open, query, nowMs)),
      run: async (run) => this.#read((open) => findRun(open, run)),
      sumsOfRun: async (run) => this.#read((open) => sumsOfRun(open, run)),
      childrenOf: async (run) => this.#read((open) => childrenOf(open, run)),
      recordsOfRun: async (run) => this.#read((open) => recordsOfRun(open, run)),
    };
  }

  close(): void {
    this.#database?.close();
    this.#database = null;
  }

  #read<Result>(read: (database: DatabaseSync) => Result): Result {
    this.#database ??= openForReading(this.#dataDir);
    return inSnapshot(this.#database, read);
  }
}
