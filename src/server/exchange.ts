import type { FastifyRequest } from 'fastify';
import type { Endpoint } from '../metering/endpoints.ts';
import type { ClientPresence } from '../streaming/client-presence.ts';
import type { ClientResponse } from '../streaming/client-response.ts';
import type { CallHead } from './call-head.ts';
import type { ClientRequest } from './client-request.ts';
import type { Cancellation } from './open-calls.ts';

/** One request of a client and the place for its answer: what every stage of the request path begins with. */
export interface Exchange {
  /**
   * Fastify's view of the request, for its plugins; null where it came past Fastify, and once its answer has begun, when
   * none of them is asked again.
   */
  framed: FastifyRequest | null;
  /** What the head of the request says; null once its answer has begun. */
  head: CallHead | null;
  /** ULID; the answer's `x-metertap-request-id` and the id of the call's record. */
  readonly id: string;
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly presence: ClientPresence;
  readonly cancellation: Cancellation;
  readonly endpoint: Endpoint;
  /** The path below `/v1/`, without the query. */
  readonly path: string;
  /** The path below `/v1` with its query and a leading slash, as the client wrote it. */
  readonly target: string;
  /** From `/run/{run_id}/v1/…`, percent-decoded. */
  readonly pathRunId: string | null;
  readonly startedAtMs: number;
  readonly startedMonotonicMs: number;
}

/** The head of a request that has no answer yet. */
export function headOf({ head }: Exchange): CallHead {
  if (head === null) throw new Error('an answered request has no head');
  return head;
}
