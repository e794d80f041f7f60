/** What every call of a test program asks the simulator for, so that cached and reasoning tokens are not all zero. */
export const STEERING = { 'x-sim-cached-tokens': '4', 'x-sim-reasoning-tokens': '3' };

/**
 * Tells the test what the client says it used: for `requests` calls together, one unless told. Counts that the client
 * does not show are left out; `null` is a client that shows nothing.
 *
 * @param {string} call what was called
 * @param {{input: number, output: number, total?: number, cached?: number, reasoning?: number} | null} usage
 */
export function report(call, usage, requests = 1) {
  process.stdout.write(`\n@call ${JSON.stringify({ call, requests, usage })}\n`);
}

/** A run beside the one that is named: what it counts when the upstream fails at first and the client retries. */
export const RETRIED_RUN = `${process.env.RUN_ID}-retried`;

/** Makes the simulator fail until a client says that it retries. */
export const FAILING = { 'x-sim-status': '503', 'x-sim-status-attempts': '1', 'x-sim-retry-after-ms': '1' };

/**
 * Tells the test what `RETRIED_RUN` must count.
 *
 * @param {{requests: number, failed: number, client_retries: number}} expected
 */
export function reportRetries(expected) {
  process.stdout.write(`\n@retried ${JSON.stringify({ run: RETRIED_RUN, ...expected })}\n`);
}

/** Chat's usage object, in short. */
export function chatUsage(usage) {
  if (!usage) return null;
  return {
    input: usage.prompt_tokens,
    output: usage.completion_tokens,
    total: usage.total_tokens,
    cached: usage.prompt_tokens_details.cached_tokens,
    reasoning: usage.completion_tokens_details.reasoning_tokens,
  };
}

/** The usage object of responses, in short. */
export function responsesUsage(usage) {
  if (!usage) return null;
  return {
    input: usage.input_tokens,
    output: usage.output_tokens,
    total: usage.total_tokens,
    cached: usage.input_tokens_details.cached_tokens,
    reasoning: usage.output_tokens_details.reasoning_tokens,
  };
}
