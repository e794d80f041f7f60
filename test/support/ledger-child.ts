import { systemClock } from '../../src/core/clock.ts';
import { openJournal } from '../../src/ledger/journal.ts';
import { callRecord, openCallRecord } from './call-record.ts';

/**
 * A process that writes to a ledger until it is killed: `ledger-child.ts <data folder> <instance id>`. For every call it
 * prints one line once the journal has acknowledged it: `finished <id>`. A part of its calls is never finished:
 * `opened <id>` is printed for those when a later call has been acknowledged.
 */
const [dataDir = '', instanceId = ''] = process.argv.slice(2);
const journal = await openJournal({ dataDir, synchronous: 'normal', instanceId, clock: systemClock });
process.stdout.write(`ready ${journal.recoveredCalls}\n`);

for (;;) {
  const unfinished = openCallRecord();
  journal.open(unfinished);
  const records = Array.from({ length: 20 }, () => callRecord());
  for (const record of records) journal.open(openCallRecord({ id: record.id }));
  await Promise.all(records.map((record) => journal.finish(record)));
  process.stdout.write(`opened ${unfinished.id}\n${records.map((record) => `finished ${record.id}\n`).join('')}`);
}
