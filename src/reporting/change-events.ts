import type { Ledger } from '../ledger/ledger.ts';

/** Somebody who wants to know that the books have changed, and not how. */
export interface ChangeListener {
  /** null: of all teams. */
  readonly team: string | null;
  readonly send: (text: string) => void;
}

export interface ChangeBounds {
  /** At most one event in this time, however many calls there are. */
  readonly everyMs: number;
  readonly heartbeatMs: number;
}

export const CHANGE_BOUNDS: ChangeBounds = { everyMs: 1_000, heartbeatMs: 15_000 };

/**
 * Tells a listener that calls have been committed, as server-sent events `changed`: the first at once, then one at the
 * end of each interval in which more came. It costs a counter per call, so that it may be open on a busy server.
 *
 * @returns a function that ends the telling
 */
export function tellOfChanges(
  onCommitted: Ledger['onCommitted'],
  listener: ChangeListener,
  bounds: ChangeBounds = CHANGE_BOUNDS,
): () => void {
  let calls = 0;
  let pause: NodeJS.Timeout | null = null;

  const tell = () => {
    pause = null;
    if (calls === 0) return;
    listener.send(`event: changed\ndata: {"calls":${calls}}\n\n`);
    calls = 0;
    pause = setTimeout(tell, bounds.everyMs);
  };
  const heartbeat = setInterval(() => listener.send(': heartbeat\n\n'), bounds.heartbeatMs);
  const unsubscribe = onCommitted((record) => {
    if (listener.team !== null && record.team !== listener.team) return;
    calls += 1;
    if (pause === null) tell();
  });
  listener.send(': listening\n\n');
  return () => {
    unsubscribe();
    clearInterval(heartbeat);
    if (pause !== null) clearTimeout(pause);
  };
}
