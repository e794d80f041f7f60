import type { ClientPresence } from './client-presence.ts';
import type { ClientResponse } from './client-response.ts';
import type { Passage } from './passage.ts';

/**
 * Carries an answer's body from the upstream to the client: pushes each chunk through a passage, obeys back-pressure,
 * goes on reading for the meter when the client has left, and stops with the last bytes in hand, which `release` lets
 * go once the record is in the journal.
 */
export interface AnswerSource {
  attach(consumer: AnswerConsumer): void;
  pause(): void;
  resume(): void;
  /** Ends the upstream's answer; the consumer's `failed` is told the reason. */
  abort(reason: Error): void;
}

export interface AnswerConsumer {
  data(chunk: Buffer): void;
  end(): void;
  failed(error: Error): void;
}

export interface RelayLimits {
  /** What becomes of the upstream's answer when the client leaves. */
  readonly clientLeaves: 'drain' | 'abort';
  readonly drainMaxMs: number;
  readonly drainMaxBytes: number;
  /** A client that takes no bytes for this long counts as gone. */
  readonly clientStallMaxMs: number;
}

export type RelayOutcome =
  | { readonly kind: 'completed' }
  | { readonly kind: 'client_left' }
  | { readonly kind: 'failed'; readonly error: Error };

/** The reason given to an upstream whose client has left and whose answer is not read to its end. */
export class ClientLeftError extends Error {
  override readonly name = 'ClientLeftError';
}

export interface RelayOptions {
  readonly source: AnswerSource;
  readonly response: ClientResponse;
  readonly presence: ClientPresence;
  readonly passage: Passage;
  readonly limits: RelayLimits;
  readonly nowMs: () => number;
  /** Writes the head of the answer; called once, before the first byte that goes out. */
  readonly writeHead: () => void;
  /**
   * How long bytes that come together with the end of the answer may wait for it, so that all of them go out together;
   * null, or left out: not at all.
   */
  readonly endPatienceMs?: number | null;
}

const NOTHING = (): void => undefined;
/** So much may come behind the end of an answer and wait for its record; more is not read before. */
const MOST_BEHIND_END_BYTES = 65_536;

export class Relay implements AnswerConsumer {
  readonly #options: RelayOptions;
  readonly #over: Promise<RelayOutcome>;
  #resolve: (outcome: RelayOutcome) => void = NOTHING;
  #headWritten = false;
  #released = false;
  /** The rest of the answer is for nobody. */
  #stopped = false;
  #sourceEnded = false;
  /** The source failed behind the end of the answer, before the release. */
  #failedBehindEnd = false;
  #clientLeft = false;
  #drainedBytes = 0;
  #drainTimer: NodeJS.Timeout | null = null;
  /** What came with the end of the answer, and waits for it. */
  #tail: Buffer | null = null;
  #tailTimer: NodeJS.Timeout | null = null;
  /** The client does not take what has been written, so the source is paused. */
  #isBlocked = false;
  #behindEndBytes = 0;
  /** So much has come behind the end that the source is paused until the release. */
  #awaitsRelease = false;
  #forgetLeave: () => void = NOTHING;
  #onSettled: () => void = NOTHING;
  /** How the relay ended; null as long as that is not known. */
  outcome: RelayOutcome | null = null;
  /** When the first byte of the body came from the upstream; monotonic milliseconds, null before. */
  firstByteAtMs: number | null = null;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Whether the head of the answer has gone out. */
  get headWritten(): boolean {
    return this.#headWritten;
  }

  /** Whether bytes wait for the end of the answer: its head need not go out ahead of them. */
  get holdsTail(): boolean {
    return this.#tail !== null;
  }

  /** Starts relaying. Resolves, and never rejects, when the answer is whole, or cut short by one side. */
  run(): Promise<RelayOutcome> {
    this.#forgetLeave = this.#options.presence.onLeave(() => this.#onClientLeft());
    this.#options.source.attach(this);
    return this.#over;
  }

  /** Calls `listener` when the outcome is known, which it is not yet. There is one at most. */
  onSettled(listener: () => void): void {
    this.#onSettled = listener;
  }

  /** Writes the head, if that has not been done. Gives whether it was done now; Node holds it until a body follows. */
  sendHead(): boolean {
    if (this.#headWritten || this.#clientLeft) return false;
    this.#headWritten = true;
    this.#options.writeHead();
    return true;
  }

  /** Lets `bytes` go out although the answer is not whole yet. */
  send(bytes: Buffer | null): void {
    if (bytes === null || bytes.length === 0) return;
    this.sendHead();
    this.#write(bytes);
  }

  /** The record is written: the last bytes go out, and whatever the upstream still sends follows. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    const held = this.#options.passage.release();
    if (!this.#clientLeft) this.sendHead();
    this.#sendTail();
    // What ends the answer goes out with its last bytes.
    const last = this.#sourceEnded && !this.#failedBehindEnd ? held.pop() : undefined;
    for (const bytes of held) this.#write(bytes);
    if (this.#failedBehindEnd) this.cutClient();
    else if (this.#sourceEnded) this.#finish(last);
    else if (this.#awaitsRelease) this.#readOn();
  }

  /** Ends the answer before its time: `last` takes the place of whatever has not gone out yet. */
  endWith(last: Buffer): void {
    this.#released = true;
    this.#takeTail();
    this.#options.passage.release();
    if (!this.#clientLeft) this.sendHead();
    this.#finish(last);
  }

  /** The client must see that its answer is not whole: its connection is cut after what has been written to it. */
  cutClient(): void {
    const { presence, limits } = this.#options;
    this.#sendTail();
    this.#stop();
    if (!this.#clientLeft) presence.cutAfterWrites(limits.clientStallMaxMs);
  }

  /** Nothing has gone out, and nothing of this answer will: the client is given another. */
  withdraw(): void {
    this.#takeTail();
    this.#stop();
  }

  /** Takes what comes of the answer; for its source only. */
  data(chunk: Buffer): void {
    this.firstByteAtMs ??= this.#options.nowMs();
    if (this.#clientLeft) this.#countDrained(chunk.length);
    const { passage } = this.#options;
    const bytes = passage.push(chunk);
    if (!passage.complete) {
      this.send(bytes);
      return;
    }
    if (this.outcome !== null) {
      this.send(bytes);
      this.#countBehindEnd(chunk.length);
    } else this.#sendWithEnd(bytes);
    this.#settle(this.#clientLeft ? { kind: 'client_left' } : { kind: 'completed' });
  }

  /** The answer has ended before its end; for its source only. */
  failed(error: Error): void {
    this.#onFailed(error);
  }

  /** The answer has come to its end; for its source only. */
  end(): void {
    this.#sourceEnded = true;
    this.#clearDrainTimer();
    const ending = this.#options.passage.end();
    if (ending === undefined) this.#ended();
    else void ending.then(() => this.#ended());
  }

  /** Sends bytes that came with the end: together with it, if the record is written soon. It saves a write. */
  #sendWithEnd(bytes: Buffer | null): void {
    const { endPatienceMs = null } = this.#options;
    if (endPatienceMs === null || bytes === null || this.#clientLeft) {
      this.send(bytes);
      return;
    }
    this.#tail = bytes;
    this.#tailTimer = setTimeout(() => {
      // After a fault the client may have been given another answer.
      if (this.#headWritten || !this.#options.response.headersSent) this.#sendTail();
    }, endPatienceMs);
  }

  #sendTail(): void {
    this.send(this.#takeTail());
  }

  #takeTail(): Buffer | null {
    const tail = this.#tail;
    this.#tail = null;
    if (this.#tailTimer !== null) clearTimeout(this.#tailTimer);
    this.#tailTimer = null;
    return tail;
  }

  #stop(): void {
    this.#released = true;
    this.#stopped = true;
    this.#clearDrainTimer();
    this.#forgetLeave();
    if (!this.#sourceEnded) this.#options.source.abort(new ClientLeftError('the client was cut off'));
  }

  #ended(): void {
    this.#settle(this.#clientLeft ? { kind: 'client_left' } : { kind: 'completed' });
    if (this.#released) this.#finish();
  }

  #onFailed(error: Error): void {
    this.#sourceEnded = true;
    this.#clearDrainTimer();
    if (this.#stopped) return;
    if (this.#released) {
      this.cutClient();
      return;
    }
    if (this.outcome !== null) {
      this.#failedBehindEnd = true; // as if it had failed just after the release
      return;
    }
    void Promise.resolve(this.#options.passage.end()).then(() => {
      this.#settle(this.#clientLeft ? { kind: 'client_left' } : { kind: 'failed', error });
    });
  }

  #onClientLeft(): void {
    this.#clientLeft = true;
    const { source, limits } = this.#options;
    if (this.#sourceEnded) return;
    if (this.#released || limits.clientLeaves === 'abort') {
      source.abort(new ClientLeftError('the client left'));
      return;
    }
    this.#drainTimer = setTimeout(() => {
      source.abort(new ClientLeftError('the client left, and the answer took longer than drain_max_ms'));
    }, limits.drainMaxMs);
    source.resume();
  }

  #countDrained(bytes: number): void {
    this.#drainedBytes += bytes;
    if (this.#drainedBytes > this.#options.limits.drainMaxBytes) {
      this.#options.source.abort(new ClientLeftError('the client left, and the answer is over drain_max_bytes'));
    }
  }

  /** What comes behind the end waits for the release with it. There need not be an end to that. */
  #countBehindEnd(bytes: number): void {
    if (this.#released || this.#clientLeft || this.#awaitsRelease) return;
    this.#behindEndBytes += bytes;
    if (this.#behindEndBytes < MOST_BEHIND_END_BYTES) return;
    this.#awaitsRelease = true;
    this.#options.source.pause();
  }

  #readOn(): void {
    this.#awaitsRelease = false;
    if (!this.#isBlocked) this.#options.source.resume();
  }

  #write(bytes: Buffer): void {
    if (this.#clientLeft || bytes.length === 0) return;
    const { source, response, presence, limits } = this.#options;
    if (response.write(bytes) || this.#isBlocked) return;
    this.#isBlocked = true;
    source.pause();
    presence.cutIfStalled(limits.clientStallMaxMs);
    response.once('drain', () => {
      this.#isBlocked = false;
      presence.mayIdle();
      if (!this.#sourceEnded && !this.#awaitsRelease) source.resume();
    });
  }

  #finish(last?: Buffer): void {
    this.#clearDrainTimer();
    this.#forgetLeave();
    if (this.#clientLeft) return;
    const { response, presence, limits } = this.#options;
    this.sendHead();
    response.end(last);
    if (response.writableLength > 0) presence.cutIfStalled(limits.clientStallMaxMs);
  }

  #settle(outcome: RelayOutcome): void {
    if (this.outcome !== null) return;
    this.outcome = outcome;
    this.#onSettled();
    this.#resolve(outcome);
  }

  #clearDrainTimer(): void {
    if (this.#drainTimer !== null) clearTimeout(this.#drainTimer);
    this.#drainTimer = null;
  }
}
