import { temporaryFolder } from '../support/temporary-folder.ts';
import { openTestJournal } from '../support/test-journal.ts';
import { describeCorrections } from './corrections.contract.ts';

describeCorrections('corrections in the SQLite ledger', async () => {
  const journal = await openTestJournal({ dataDir: temporaryFolder() });
  return {
    ledger: journal,
    reader: journal.reader,
    corrections: journal.corrections,
    close: () => journal.close(),
  };
});
