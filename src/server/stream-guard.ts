import type { ChunkSpan } from '../core/chunk-span.ts';
import { errorEnvelope, type MetertapError } from '../core/errors.ts';
import type { StreamAllowance } from '../limits/reservation.ts';
import type { Endpoint } from '../metering/endpoints.ts';
import { RunningOutput } from '../metering/running-output.ts';
import type { EventJudge, HidingVerdict } from '../streaming/filtered-event-passage.ts';

/** The reason given to an upstream whose stream has passed a hard limit. */
export class StreamLimitError extends Error {
  override readonly name = 'StreamLimitError';
  readonly refusal: MetertapError;
  readonly code: string;

  constructor({ code, refusal }: StreamAllowance) {
    super('the stream has passed a hard limit');
    this.refusal = refusal();
    this.code = code;
  }
}

/** Watches a running stream for a hard limit, and lets nothing more pass once it is reached. */
export class StreamGuard {
  readonly #allowance: StreamAllowance;
  readonly #output: RunningOutput;
  #abort: (reason: StreamLimitError) => void = () => undefined;
  #isPassed = false;

  constructor(allowance: StreamAllowance, endpoint: Endpoint) {
    this.#allowance = allowance;
    this.#output = new RunningOutput(endpoint);
  }

  /** Says how the stream is ended. */
  onPassed(abort: (reason: StreamLimitError) => void): void {
    this.#abort = abort;
  }

  /** @param name the event's `event:` line, if it has one */
  see(data: Buffer, name: string | null): void {
    if (this.#isPassed) return;
    this.#output.add(data, name);
    this.#compare();
  }

  /** The same of an event whose data is one line within a chunk. */
  seeLine(line: ChunkSpan, name: string | null): void {
    if (this.#isPassed) return;
    this.#output.addLine(line, name);
    this.#compare();
  }

  #compare(): void {
    if (this.#output.tokens <= this.#allowance.outputTokens) return;
    this.#isPassed = true;
    // Not within the event that is being read: it is the upstream's answer that ends here.
    queueMicrotask(() => this.#abort(new StreamLimitError(this.#allowance)));
  }

  /** What of an event may pass: nothing any more once the limit is reached. */
  judging(otherwise: EventJudge): EventJudge {
    return {
      judge: (data) => (this.#isPassed ? WITHHOLD : otherwise.judge(data)),
      glance: (line) => (this.#isPassed ? WITHHOLD : otherwise.glance(line)),
    };
  }
}

const WITHHOLD: HidingVerdict = { kind: 'withhold' };

/**
 * The event that ends a stream so that clients see an error: the SDKs raise one for `data:` with an `error` in it, on
 * the Responses API also for `event: error` (wire.md 6.2).
 */
export function errorEvent(error: MetertapError, endpoint: Endpoint): Buffer {
  const envelope = errorEnvelope(error);
  if (!endpoint.isResponses) return Buffer.from(`data: ${JSON.stringify(envelope)}\n\n`);
  const { message, code, param } = envelope.error;
  const event = { type: 'error', message, code, param, ...envelope };
  return Buffer.from(`event: error\ndata: ${JSON.stringify(event)}\n\n`);
}
