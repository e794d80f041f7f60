import type { Journal } from '../../src/ledger/journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { openTestJournal } from '../support/test-journal.ts';
import { describeLedger, type LedgerUnderTest } from './ledger.contract.ts';

describeLedger('the SQLite ledger', async () => {
  const dataDir = temporaryFolder();
  const underTest = (journal: Journal): LedgerUnderTest => ({
    ledger: journal,
    reader: journal.reader,
    reopen: async () => {
      await journal.close();
      return underTest(await openTestJournal({ dataDir }));
    },
  });
  return underTest(await openTestJournal({ dataDir }));
});
