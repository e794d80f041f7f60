/** An answer did not come in time. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** A timer that fires this much late says that this process itself stood still. */
const STALL_SHARE = 0.25;

/**
 * Gives up waiting after `maxMs`. Time in which the event loop itself stood still does not count, since the answer may
 * have come and lie unread: then the wait begins anew, and before it is given up, what has come is read.
 */
export function withinDeadline<Answer>(work: Promise<Answer>, maxMs: number): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const dueMs = performance.now() + maxMs;
    timer = setTimeout(() => {
      if (performance.now() - dueMs > maxMs * STALL_SHARE) wait();
      else setImmediate(() => setImmediate(() => reject(new DeadlineError(`no answer within ${maxMs} ms`))));
    }, maxMs);
  };
  wait();
  work.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}
