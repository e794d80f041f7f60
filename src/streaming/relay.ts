import type { ServerResponse } from 'node:http';
import type { ClientPresence } from './client-presence.ts';
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
  readonly response: ServerResponse;
  readonly presence: ClientPresence;
  readonly passage: Passage;
  readonly limits: RelayLimits;
  readonly nowMs: () => number;
  /** Writes the head of the answer; called once, before the first byte that goes out. */
  readonly writeHead: () => void;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #outcome = Promise.withResolvers<RelayOutcome>();
  #headWritten = false;
  #settled = false;
  #released = false;
  #sourceEnded = false;
  #clientLeft = false;
  #drainedBytes = 0;
  #drainTimer: NodeJS.Timeout | null = null;
  #stallTimer: NodeJS.Timeout | null = null;
  #forgetLeave: () => void = () => undefined;
  /** When the first byte of the body came from the upstream; monotonic milliseconds, null before. */
  firstByteAtMs: number | null = null;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** Whether the head of the answer has gone out. */
  get headWritten(): boolean {
    return this.#headWritten;
  }

  /** Starts relaying. Resolves, and never rejects, when the answer is whole, or cut short by one side. */
  run(): Promise<RelayOutcome> {
    this.#forgetLeave = this.#options.presence.onLeave(() => this.#onClientLeft());
    this.#options.source.attach({
      data: (chunk) => this.#onData(chunk),
      end: () => void this.#onEnd(),
      failed: (error) => this.#onFailed(error),
    });
    return this.#outcome.promise;
  }

  /** Calls `listener` when the outcome is known. */
  onSettled(listener: () => void): void {
    void this.#outcome.promise.then(listener);
  }

  /** Sends the head now, and flushes it, so that a client of a stream sees it before the first event. */
  sendHead(): void {
    if (this.#headWritten || this.#clientLeft) return;
    this.#headWritten = true;
    this.#options.writeHead();
  }

  /** Lets `bytes` go out although the answer is not whole yet. */
  send(bytes: Buffer | null): void {
    if (bytes !== null) this.#write(bytes);
  }

  /** The record is written: the last bytes go out, and whatever the upstream still sends follows. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    const held = this.#options.passage.release();
    if (!this.#clientLeft) this.sendHead();
    for (const bytes of held) this.#write(bytes);
    if (this.#sourceEnded) this.#finish();
  }

  /** The client must see that its answer is not whole: its connection is cut after what has gone out. */
  cutClient(): void {
    this.#released = true;
    this.#clearTimers();
    this.#forgetLeave();
    if (!this.#clientLeft) this.#options.presence.cut();
  }

  #onData(chunk: Buffer): void {
    this.firstByteAtMs ??= this.#options.nowMs();
    if (this.#clientLeft) this.#countDrained(chunk.length);
    const out = this.#options.passage.push(chunk);
    if (out !== null && out.length > 0) {
      this.sendHead();
      this.#write(out);
    }
    if (this.#options.passage.complete) {
      this.#settle(this.#clientLeft ? { kind: 'client_left' } : { kind: 'completed' });
    }
  }

  async #onEnd(): Promise<void> {
    this.#sourceEnded = true;
    await this.#options.passage.end();
    this.#settle(this.#clientLeft ? { kind: 'client_left' } : { kind: 'completed' });
    if (this.#released) this.#finish();
  }

  #onFailed(error: Error): void {
    this.#sourceEnded = true;
    if (this.#released) {
      this.cutClient();
      return;
    }
    void Promise.resolve(this.#options.passage.end()).then(() => {
      this.#settle(this.#clientLeft ? { kind: 'client_left' } : { kind: 'failed', error });
    });
  }

  #onClientLeft(): void {
    this.#clientLeft = true;
    this.#clearStallTimer();
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

  #write(bytes: Buffer): void {
    if (this.#clientLeft || bytes.length === 0) return;
    if (this.#options.response.write(bytes) || this.#stallTimer !== null) return;
    this.#options.source.pause();
    this.#stallTimer = setTimeout(() => this.#options.presence.cut(), this.#options.limits.clientStallMaxMs);
    this.#options.response.once('drain', () => {
      this.#clearStallTimer();
      if (!this.#sourceEnded) this.#options.source.resume();
    });
  }

  #finish(): void {
    this.#clearTimers();
    this.#forgetLeave();
    if (!this.#clientLeft) {
      this.sendHead();
      this.#options.response.end();
    }
  }

  #settle(outcome: RelayOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#outcome.resolve(outcome);
  }

  #clearTimers(): void {
    if (this.#drainTimer !== null) clearTimeout(this.#drainTimer);
    this.#drainTimer = null;
    this.#clearStallTimer();
  }

  #clearStallTimer(): void {
    if (this.#stallTimer !== null) clearTimeout(this.#stallTimer);
    this.#stallTimer = null;
  }
}
