import type { CallSize } from '../limits/reservation.ts';
import type { Endpoint } from '../metering/endpoints.ts';
import { inputTextOf, isEstimable } from '../metering/estimate-input.ts';
import { wholeTokens } from '../metering/estimate-text.ts';
import { roughTokens } from '../metering/estimate-tokens.ts';
import type { Usage } from '../metering/usage.ts';
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
export function callSizeOf(call: SizedCall, settings: Pick<ProxySettings, 'price'>): CallSize {
  return {
    inputTokens: () => inputTokensOf(call),
    outputCeiling: call.request.outputCeiling,
    costNanoUsd: (inputTokens, outputTokens) => worstCost(call, settings, { inputTokens, outputTokens }),
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

/**
 * The most that so many tokens may cost: nothing is cached, all input may have to be written to a cache, all output may
 * be reasoning; the service tier is the one asked for.
 */
function worstCost(
  { request, upstream, startedAtMs }: SizedCall,
  settings: Pick<ProxySettings, 'price'>,
  { inputTokens, outputTokens }: { readonly inputTokens: number; readonly outputTokens: number },
): number | null {
  const plain = usageOf(inputTokens, outputTokens, false);
  const dear = usageOf(inputTokens, outputTokens, true);
  let worst: number | null = null;
  for (const usage of [plain, dear]) {
    const price = settings.price({
      upstream: upstream.name,
      requestModel: request.model,
      responseModel: null,
      serviceTier: request.serviceTier,
      usage,
      atMs: startedAtMs,
    });
    if (price !== null) worst = Math.max(worst ?? 0, price.costNanoUsd);
  }
  return worst;
}

const NO_DETAILS: Usage['details'] = {};

/** Written out: to copy a usage and write over the copy costs several times as much. */
function usageOf(inputTokens: number, outputTokens: number, isDear: boolean): Usage {
  return {
    input_tokens: inputTokens,
    cache_read_tokens: 0,
    cache_write_tokens: isDear ? inputTokens : 0,
    input_audio_tokens: 0,
    cache_audio_read_tokens: 0,
    input_image_tokens: 0,
    output_tokens: outputTokens,
    reasoning_tokens: isDear ? outputTokens : 0,
    output_audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
    total_tokens: inputTokens + outputTokens,
    tool_calls: 0,
    details: NO_DETAILS,
  };
}
