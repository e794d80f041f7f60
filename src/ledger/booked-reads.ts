import { setTimeout as sleep } from 'node:timers/promises';

/** Far longer than the longest booking takes, on a slow disk too: what a report lacks, nobody sees. */
const PATIENCE_MS = 5_000;

/**
 * Has what is committed entered in the books, before something is read from them. Where that fails, or takes too long,
 * the books as they are are an answer too: whoever cannot write still reads. Does not throw.
 *
 * @param book asks the journal to bring the books up to date
 */
export async function bringUpToDate(book: () => Promise<unknown>, patienceMs = PATIENCE_MS): Promise<void> {
  const answered = new AbortController();
  const tooLong = sleep(patienceMs, null, { ref: false, signal: answered.signal }).catch(() => null);
  await Promise.race([book().catch(() => null), tooLong]);
  answered.abort();
}
