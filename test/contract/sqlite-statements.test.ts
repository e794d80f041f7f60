import { temporaryFolder } from '../support/temporary-folder.ts';
import { openTestJournal } from '../support/test-journal.ts';
import { describeStatements } from './statements.contract.ts';

describeStatements('statements in the SQLite ledger', async () => {
  const journal = await openTestJournal({ dataDir: temporaryFolder() });
  return {
    ledger: journal,
    corrections: journal.corrections,
    statements: journal.statements,
    close: () => journal.close(),
  };
});
