import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerReader, RunKey } from '../ledger/ledger-reader.ts';
import type { CallRecord } from '../ledger/record.ts';
import { viewRecord } from './record-view.ts';
import { reportRun } from './run-report.ts';

/** The client of an event stream, however it is connected. */
export interface EventClient {
  send(text: string): void;
  /** What was sent and has not left yet. */
  readonly bufferedBytes: number;
  /** Ends the connection at once. */
  cut(): void;
}

export interface RunEventSources {
  readonly reader: LedgerReader;
  readonly onCommitted: Ledger['onCommitted'];
}

export interface RunEventBounds {
  readonly heartbeatMs: number;
  /** A client that lets more than this pile up is cut; it can come again and begins with the totals of then. */
  readonly maxBufferedBytes: number;
  /** The same for records that wait while the totals are being read. */
  readonly maxWaitingRecords: number;
}

export const RUN_EVENT_BOUNDS: RunEventBounds = {
  heartbeatMs: 15_000,
  maxBufferedBytes: 1_048_576,
  maxWaitingRecords: 1_000,
};

/**
 * Tells a client of a run's calls as they land, as server-sent events: at once `totals` (the run's report without
 * entries), then for each committed record `record` and after it `totals` again. Records that land while totals are
 * being read are told together and summed once, so that a busy run costs one read at a time.
 *
 * @returns a function that ends the telling; it does not end the connection
 */
export function followRun(
  sources: RunEventSources,
  target: { readonly run: RunKey; readonly client: EventClient },
  bounds: RunEventBounds = RUN_EVENT_BOUNDS,
): () => void {
  const follower = new RunFollower(sources, target, bounds);
  return () => follower.stop();
}

class RunFollower {
  readonly #reader: LedgerReader;
  readonly #run: RunKey;
  readonly #client: EventClient;
  readonly #bounds: RunEventBounds;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #waiting: CallRecord[] = [];
  #isTelling = false;
  #hasStopped = false;

  constructor(
    sources: RunEventSources,
    target: { readonly run: RunKey; readonly client: EventClient },
    bounds: RunEventBounds,
  ) {
    this.#reader = sources.reader;
    this.#run = target.run;
    this.#client = target.client;
    this.#bounds = bounds;
    this.#heartbeat = setInterval(() => this.#send(': heartbeat\n\n'), bounds.heartbeatMs);
    this.#heartbeat.unref();
    // Listening begins before the first totals are read, so that no record can fall between the two.
    this.#unsubscribe = sources.onCommitted((record) => this.#note(record));
    void this.#tell();
  }

  stop(): void {
    this.#hasStopped = true;
    this.#waiting = [];
    clearInterval(this.#heartbeat);
    this.#unsubscribe();
  }

  #note(record: CallRecord): void {
    if (record.team !== this.#run.team || record.run_id !== this.#run.runId) return;
    this.#waiting.push(record);
    if (this.#waiting.length > this.#bounds.maxWaitingRecords) this.#cut();
    else void this.#tell();
  }

  /** Never rejects: nobody waits for it. A ledger that cannot be read ends the stream, and the client comes again. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      do {
        const records = this.#waiting;
        this.#waiting = [];
        for (const record of records) this.#send(eventText('record', viewRecord(record), record.id));
        const totals = await reportRun(this.#reader, this.#run, { includeChildren: false, withEntries: false });
        if (totals !== null) this.#send(eventText('totals', totals));
      } while (this.#waiting.length > 0);
    } catch {
      this.#cut();
    } finally {
      this.#isTelling = false;
    }
  }

  #send(text: string): void {
    if (this.#hasStopped) return;
    if (this.#client.bufferedBytes > this.#bounds.maxBufferedBytes) this.#cut();
    else this.#client.send(text);
  }

  #cut(): void {
    if (this.#hasStopped) return;
    this.stop();
    this.#client.cut();
  }
}

/** One event of https://html.spec.whatwg.org/multipage/server-sent-events.html; JSON text has no line breaks. */
function eventText(event: 'record' | 'totals', data: object, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
