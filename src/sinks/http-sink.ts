import type { Clock } from '../core/clock.ts';
import { SINK_KINDS } from '../core/sink-kinds.ts';
import type { OutboxEvent } from '../ledger/outbox.ts';
import { verdictOf } from './answer-verdict.ts';
import { type EventFacts, factsOf, NoCustomer } from './event-facts.ts';
import { EVENT_SHAPES, type EventShape } from './event-shapes.ts';
import { type WrittenBody, writeBodies } from './request-body.ts';
import type { SinkSettings } from './sink-settings.ts';
import type { Delivery, UsageSink } from './usage-sink.ts';
import { requestIdOf, webhookHeaders } from './webhook-signature.ts';

/** How much of an answer is looked at; it is only for the operator's eyes. */
const MAX_ANSWER_BYTES = 4_096;
const CONTROL = /[\p{C}\p{Zl}\p{Zp}\s]+/gu;

const TAKEN: Delivery = { kind: 'taken' };

/** A receiver that is posted to over HTTP, in the shape that its kind wants. */
export class HttpSink implements UsageSink {
  readonly maxEvents: number;
  readonly #settings: SinkSettings;
  readonly #shape: EventShape;
  readonly #clock: Clock;
  readonly #needsCustomer: boolean;

  constructor(settings: SinkSettings, clock: Clock) {
    this.#settings = settings;
    this.#shape = EVENT_SHAPES[settings.kind];
    this.#clock = clock;
    this.#needsCustomer = SINK_KINDS[settings.kind].needsCustomer;
    this.maxEvents = settings.batchSize;
  }

  async send(events: readonly OutboxEvent[], stop: AbortSignal): Promise<Delivery> {
    let facts: EventFacts[];
    try {
      facts = events.flatMap((event) => factsOf(event, this.#settings, this.#needsCustomer));
    } catch (error) {
      if (!(error instanceof NoCustomer)) throw error;
      return { kind: 'refused', reason: error.message, heals: false };
    }
    const bodies = writeBodies(facts, this.#shape, this.#settings.batchSize);
    for (let at = 0; at < bodies.length; at += this.#shape.parallelRequests) {
      const together = bodies.slice(at, at + this.#shape.parallelRequests);
      const deliveries = await Promise.all(together.map((body) => this.#post(body, stop)));
      const worst =
        deliveries.find(({ kind }) => kind === 'failed') ?? deliveries.find(({ kind }) => kind === 'refused');
      if (worst !== undefined) return worst;
    }
    return TAKEN;
  }

  async #post(body: WrittenBody, stop: AbortSignal): Promise<Delivery> {
    const { timeoutMs, url } = this.#settings;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: this.#headers(body),
        body: body.text,
        redirect: 'manual',
        signal: AbortSignal.any([timeout, stop]),
      });
      const text = this.#withoutSecrets(await readExcerpt(answer));
      const seen = { status: answer.status, retryAfter: answer.headers.get('retry-after'), text };
      const alreadyTaken = body.eventIds.length === 1 ? this.#shape.alreadyTaken : undefined;
      return verdictOf(seen, alreadyTaken, this.#clock.nowMs());
    } catch (error) {
      const reason = timeout.aborted ? `no answer within ${timeoutMs} ms` : connectionReason(error);
      return { kind: 'failed', reason, retryAfterMs: null };
    }
  }

  #headers({ eventIds, contentType, text }: WrittenBody): Record<string, string> {
    const { token, headers, signingSecrets, kind } = this.#settings;
    const id = requestIdOf(eventIds);
    const signed = { id, nowMs: this.#clock.nowMs(), body: text, secrets: signingSecrets };
    return {
      ...headers,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(this.#shape.idHeader === undefined ? {} : { [this.#shape.idHeader]: id }),
      ...(SINK_KINDS[kind].canSign ? webhookHeaders(signed) : {}),
      'content-type': contentType,
      'user-agent': 'metertap',
    };
  }

  /** Receivers may repeat what they were sent. */
  #withoutSecrets(text: string): string {
    const { token, headers, signingSecrets } = this.#settings;
    const secrets = [token, ...Object.values(headers), ...signingSecrets].filter((secret) => secret !== null);
    let clean = text;
    for (const secret of secrets) if (secret.length > 3) clean = clean.replaceAll(secret, '[redacted]');
    return clean.replace(CONTROL, ' ').trim();
  }
}

/** Reads the beginning of an answer. A short one is read whole, so that its connection can be used again. */
async function readExcerpt(answer: Response): Promise<string> {
  if (answer.body === null) return '';
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body) {
    parts.push(part);
    bytes += part.length;
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** `fetch` hides why behind "fetch failed": the code of the cause is what an operator can act on. */
function connectionReason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : null;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : null;
  return code === null ? 'the connection failed or was given up' : `the connection failed (${code})`;
}
