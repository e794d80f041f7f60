import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { type Journal, type JournalOptions, openJournal } from '../../src/ledger/journal.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Opens a journal in a folder of its own, or in the one given, and closes it when the test has finished. */
export async function openTestJournal(options: Partial<JournalOptions> = {}): Promise<Journal> {
  const journal = await openJournal({
    dataDir: options.dataDir ?? temporaryFolder(),
    synchronous: 'normal',
    instanceId: randomUUID(),
    clock: systemClock,
    ...options,
  });
  onTestFinished(() => journal.close().catch(() => undefined)); // a test of failures leaves rows behind on purpose
  return journal;
}
