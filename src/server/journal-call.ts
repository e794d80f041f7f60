import { MetertapError } from '../core/errors.ts';
import type { CallRecord } from '../ledger/record.ts';
import type { Call } from './open-call.ts';
import type { RelayedCall } from './relay-call.ts';
import type { ProxyRooms } from './rooms.ts';

/**
 * Writes the record; only then the last bytes of the answer go out (design.md, promise 3). With `durability: async`
 * they go out at once, and the record follows.
 *
 * Where the ledger cannot be written, the record stays with it and is written when it can be again; the client is
 * refused its last bytes, or served all the same with `on_failure: serve_unmetered`.
 */
export async function journalCall(
  record: CallRecord,
  relayed: RelayedCall,
  { call, rooms }: { readonly call: Call; readonly rooms: ProxyRooms },
): Promise<void> {
  const { settings, exchange } = call;
  if (record.ending === 'queued') rooms.background.add(record, call.reservation);
  const written = rooms.ledger.finish(record);
  if (settings.durability === 'async') {
    relayed.release(record);
    written.catch((error: unknown) => rooms.observer.fault('journal', error, exchange.id));
    return;
  }
  try {
    await written;
    relayed.release(record);
  } catch (error) {
    rooms.observer.fault('journal', error, exchange.id);
    if (settings.onLedgerFailure === 'serve_unmetered') relayed.release(record);
    else relayed.refuse(asRefusal(error));
  }
}

function asRefusal(error: unknown): MetertapError {
  if (error instanceof MetertapError) return error;
  const message =
    'Metertap could not record this call, and calls that are not recorded are not served. Try again later.';
  return new MetertapError('ledger_unavailable', message, { cause: error });
}
