import type { JsonObject } from './json-value.ts';
import type { Counts } from './usage.ts';

/**
 * The usage objects of wire.md 1.1 and 2.2, by who sends them. Each function takes the inclusive counts and gives the
 * object as that upstream writes it, its oddities included.
 */
export type UsageShape = (counts: Counts) => JsonObject;

/** The three plain counts: Ollama, legacy completions, older servers. */
export const plainUsage: UsageShape = ({ input, output }) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
});

export const openaiUsage: UsageShape = (counts) => ({
  ...plainUsage(counts),
  prompt_tokens_details: {
    cached_tokens: counts.cached,
    ...(counts.cacheWrite > 0 ? { cache_write_tokens: counts.cacheWrite } : {}),
    audio_tokens: 0,
  },
  completion_tokens_details: {
    reasoning_tokens: counts.reasoning,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
});

/** Family R. Servers of 2025 have no `cache_write_tokens`; OpenAI always has it. */
export const responsesUsage: UsageShape = (counts) => ({
  input_tokens: counts.input,
  input_tokens_details: { cached_tokens: counts.cached, cache_write_tokens: counts.cacheWrite },
  output_tokens: counts.output,
  output_tokens_details: { reasoning_tokens: counts.reasoning },
  total_tokens: counts.input + counts.output,
});

export const olderResponsesUsage: UsageShape = (counts) => ({
  input_tokens: counts.input,
  input_tokens_details: { cached_tokens: counts.cached },
  output_tokens: counts.output,
  output_tokens_details: { reasoning_tokens: counts.reasoning },
  total_tokens: counts.input + counts.output,
});

/** vLLM leaves the details out unless the server was started to give them; the simulator gives them if steered. */
export const vllmUsage: UsageShape = (counts) => ({
  prompt_tokens: counts.input,
  total_tokens: counts.input + counts.output,
  completion_tokens: counts.output,
  ...(counts.cached > 0 ? { prompt_tokens_details: { cached_tokens: counts.cached } } : {}),
});

/** SGLang has reasoning at the top level. */
export const sglangUsage: UsageShape = (counts) => ({
  prompt_tokens: counts.input,
  total_tokens: counts.input + counts.output,
  completion_tokens: counts.output,
  prompt_tokens_details: counts.cached > 0 ? { cached_tokens: counts.cached } : null,
  reasoning_tokens: counts.reasoning,
});

/** USD, made up: one micro-dollar an input token, four an output token. A float, as it is on the wire. */
function inventedCostUsd(input: number, output: number): number {
  return Number((input * 1e-6 + output * 4e-6).toFixed(9));
}

export const openrouterUsage: UsageShape = ({ input, output, cached, cacheWrite, reasoning }) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
  cost: inventedCostUsd(input, output),
  is_byok: false,
  prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: cacheWrite, audio_tokens: 0, video_tokens: 0 },
  cost_details: {
    upstream_inference_cost: inventedCostUsd(input, output),
    upstream_inference_prompt_cost: inventedCostUsd(input, 0),
    upstream_inference_completions_cost: inventedCostUsd(0, output),
  },
  completion_tokens_details: { reasoning_tokens: reasoning, image_tokens: 0 },
});

export const openrouterResponsesUsage: UsageShape = (counts) => ({
  ...responsesUsage(counts),
  cost: inventedCostUsd(counts.input, counts.output),
  is_byok: false,
  cost_details: { upstream_inference_cost: inventedCostUsd(counts.input, counts.output) },
});

/** Groq: floats among the counts. */
export const groqUsage: UsageShape = (counts) => ({
  queue_time: 0.041905,
  prompt_tokens: counts.input,
  prompt_time: 0.00394,
  completion_tokens: counts.output,
  completion_time: 0.5125,
  total_tokens: counts.input + counts.output,
  total_time: 0.51644,
  ...(counts.cached > 0 ? { prompt_tokens_details: { cached_tokens: counts.cached } } : {}),
  ...(counts.reasoning > 0 ? { completion_tokens_details: { reasoning_tokens: counts.reasoning } } : {}),
});

export const deepseekUsage: UsageShape = (counts) => ({
  ...plainUsage(counts),
  prompt_tokens_details: { cached_tokens: counts.cached },
  ...(counts.reasoning > 0 ? { completion_tokens_details: { reasoning_tokens: counts.reasoning } } : {}),
  prompt_cache_hit_tokens: counts.cached,
  prompt_cache_miss_tokens: counts.input - counts.cached,
});

export const mistralUsage: UsageShape = (counts) => ({
  prompt_tokens: counts.input,
  total_tokens: counts.input + counts.output,
  completion_tokens: counts.output,
  ...(counts.cached > 0 ? { num_cached_tokens: counts.cached } : {}),
});

/** xAI chat: `completion_tokens` without reasoning, the total with it (wire.md 5.4, additive reasoning). */
export const xaiUsage: UsageShape = (counts) => ({
  prompt_tokens: counts.input,
  completion_tokens: counts.output - counts.reasoning,
  total_tokens: counts.input + counts.output,
  prompt_tokens_details: {
    text_tokens: counts.input,
    audio_tokens: 0,
    image_tokens: 0,
    cached_tokens: counts.cached,
  },
  completion_tokens_details: {
    reasoning_tokens: counts.reasoning,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
  num_sources_used: 0,
  cost_in_usd_ticks: counts.input * 3_000 + counts.output * 5_000,
});

export const xaiResponsesUsage: UsageShape = (counts) => ({
  ...olderResponsesUsage(counts),
  num_sources_used: 0,
  num_server_side_tools_used: 0,
});

export const perplexityUsage: UsageShape = (counts) => ({
  ...plainUsage(counts),
  search_context_size: 'low',
  cost: {
    input_tokens_cost: inventedCostUsd(counts.input, 0),
    output_tokens_cost: inventedCostUsd(0, counts.output),
    total_cost: inventedCostUsd(counts.input, counts.output),
  },
});

/** Gemini's OpenAI endpoint: thinking is in the total and nowhere else. */
export const geminiUsage: UsageShape = (counts) => ({
  completion_tokens: counts.output - counts.reasoning,
  prompt_tokens: counts.input,
  total_tokens: counts.input + counts.output,
});

/** Together, Moonshot: cached tokens at the top level. */
export const topLevelCachedUsage: UsageShape = (counts) => ({
  ...plainUsage(counts),
  cached_tokens: counts.cached,
  ...(counts.reasoning > 0 ? { completion_tokens_details: { reasoning_tokens: counts.reasoning } } : {}),
});

/** Fireworks, Cerebras, z.ai, LiteLLM: the plain counts with the two usual details. */
export const shortDetailsUsage: UsageShape = (counts) => ({
  ...plainUsage(counts),
  prompt_tokens_details: { cached_tokens: counts.cached },
  completion_tokens_details: { reasoning_tokens: counts.reasoning },
});

export const dashscopeUsage: UsageShape = (counts) => ({
  ...plainUsage(counts),
  completion_tokens_details: { reasoning_tokens: counts.reasoning },
  prompt_tokens_details: {
    cached_tokens: counts.cached,
    ...(counts.cacheWrite > 0 ? { cache_creation_input_tokens: counts.cacheWrite, cache_type: 'ephemeral' } : {}),
  },
});

/** Hugging Face's router: the details are there and null. */
export const nullDetailsUsage: UsageShape = (counts) => ({
  ...plainUsage(counts),
  prompt_tokens_details: counts.cached > 0 ? { cached_tokens: counts.cached, audio_tokens: null } : null,
  completion_tokens_details: counts.reasoning > 0 ? { reasoning_tokens: counts.reasoning, audio_tokens: null } : null,
});

/** Anthropic's OpenAI endpoint: the details are there and empty. */
export const emptyDetailsUsage: UsageShape = (counts) => ({
  ...plainUsage(counts),
  prompt_tokens_details: {},
  completion_tokens_details: {},
});
