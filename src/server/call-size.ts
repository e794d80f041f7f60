import type { CallSize } from '../limits/reservation.ts';
import type { Endpoint } from '../metering/endpoints.ts';
import { inputTextOf, isEstimable } from '../metering/estimate-input.ts';
import { wholeTokens } from '../metering/estimate-text.ts';
import { roughTokens } from '../metering/estimate-tokens.ts';
import type { CallRequest } from './read-request.ts';
import type { ProxySettings } from './rooms.ts';
import type { Upstream } from './upstreams.ts';

/** Of a request up to this size all bytes count, and of a larger one that holds nothing but text. */
const MAX_PLAIN_BYTES = 16 * 1024;
/**
 * What stands where a picture, a file or a recording is inside of a request: in data URLs, in the names of the parts that
 * have one, in those of recordings. They begin with what is rare in texts, so that the search for them is quick.
 */
const MEDIA_MARKS = [';base64,', '_url"', '_audio"'].map((mark) => Buffer.from(mark));
const BYTES_PER_TOKEN = 4;

export interface SizedCall {
  readonly endpoint: Endpoint;
  readonly request: CallRequest;
  readonly upstream: Upstream;
  readonly startedAtMs: number;
}

/**
 * How large a call may become: cheap, and never by a tokeniser (standards.md 8.4). What the upstream has itself of an
 * earlier call (`previous_response_id`) is not in it.
 */
export function callSizeOf(call: SizedCall, settings: Pick<ProxySettings, 'worstCost'>): CallSize {
  const { request, upstream, startedAtMs } = call;
  return {
    inputTokens: () => inputTokensOf(call),
    outputCeiling: request.outputCeiling,
    costNanoUsd: (inputTokens, outputTokens) =>
      settings.worstCost({
        upstream: upstream.name,
        requestModel: request.model,
        responseModel: null,
        serviceTier: request.serviceTier,
        inputTokens,
        outputTokens,
        atMs: startedAtMs,
      }),
  };
}

function inputTokensOf({ endpoint, request: { body } }: SizedCall): number {
  if (!Buffer.isBuffer(body)) return 0;
  const isPlain = body.length <= MAX_PLAIN_BYTES || !isEstimable(endpoint) || !mayHoldMedia(body);
  if (isPlain) return Math.ceil(body.length / BYTES_PER_TOKEN);
  const text = inputTextOf(endpoint, body);
  return wholeTokens(text, roughTokens(text.sample));
}

/** A search for bytes, at a small part of what it costs to walk a long context for each of its texts. */
function mayHoldMedia(body: Buffer): boolean {
  return MEDIA_MARKS.some((mark) => body.includes(mark));
}
