import { createHash, createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** What is signed, and with what. */
export interface SignedRequest {
  /** The same on every try; without full stops, which separate the parts that are signed. */
  readonly id: string;
  /** Of this try. */
  readonly nowMs: number;
  readonly body: string;
  /** Each `whsec_` and base 64. Several while receivers change from one to the next. */
  readonly secrets: readonly string[];
}

/**
 * The headers of Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp` and `webhook-signature`, a `v1` signature by
 * HMAC-SHA256 for each secret
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 */
export function webhookHeaders({ id, nowMs, body, secrets }: SignedRequest): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  return signatures.length === 0 ? headers : { ...headers, 'webhook-signature': signatures.join(' ') };
}

/** The id of a request: that of its one event, or one made of all of them. */
export function requestIdOf(eventIds: readonly string[]): string {
  const [only] = eventIds;
  if (only !== undefined && eventIds.length === 1) return only;
  return `batch_${createHash('sha256').update(eventIds.join('\n')).digest('hex').slice(0, 32)}`;
}
