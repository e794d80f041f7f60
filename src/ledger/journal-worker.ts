import { parentPort, workerData } from 'node:worker_threads';
import type { STOP } from './end-worker.ts';
import type { JournalStart, ToJournal } from './journal-messages.ts';
import { openJournalThread } from './journal-thread.ts';
import { ledgerErrorData } from './ledger-error.ts';
import { toLedgerError } from './sqlite-error.ts';

/** Where the journal's worker thread begins (`journal-link.ts` starts it). */
const start: JournalStart = workerData;
const port = parentPort;

if (port !== null) {
  try {
    const thread = openJournalThread(start, (message) => port.postMessage(message));
    port.on('message', (message: ToJournal | typeof STOP) => {
      if (message.kind === 'stop') port.close();
      else void thread.receive(message);
    });
  } catch (error) {
    port.postMessage({ kind: 'not_opened', error: ledgerErrorData(toLedgerError(error)) });
  }
}
