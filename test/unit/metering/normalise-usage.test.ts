import { describe, expect, it } from 'vitest';
import { countsNoTokens, normaliseUsage } from '../../../src/metering/normalise-usage.ts';
import type { Usage } from '../../../src/metering/usage.ts';

interface Vector {
  readonly title: string;
  readonly raw: Record<string, unknown>;
  /** Counts that are not named are zero. */
  readonly counts: Partial<Omit<Usage, 'details'>>;
  readonly details?: Record<string, number>;
}

const ZERO: Omit<Usage, 'details'> = {
  input_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  input_audio_tokens: 0,
  cache_audio_read_tokens: 0,
  input_image_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  output_audio_tokens: 0,
  accepted_prediction_tokens: 0,
  rejected_prediction_tokens: 0,
  total_tokens: 0,
  tool_calls: 0,
};

const vectors: readonly Vector[] = [
  {
    title: 'chat, all of its details',
    raw: {
      prompt_tokens: 100,
      completion_tokens: 40,
      total_tokens: 140,
      prompt_tokens_details: {
        cached_tokens: 30,
        cache_write_tokens: 20,
        audio_tokens: 5,
        image_tokens: 7,
        text_tokens: 88,
      },
      completion_tokens_details: {
        reasoning_tokens: 9,
        audio_tokens: 4,
        text_tokens: 27,
        accepted_prediction_tokens: 3,
        rejected_prediction_tokens: 2,
      },
    },
    counts: {
      input_tokens: 100,
      cache_read_tokens: 30,
      cache_write_tokens: 20,
      input_audio_tokens: 5,
      input_image_tokens: 7,
      output_tokens: 40,
      reasoning_tokens: 9,
      output_audio_tokens: 4,
      accepted_prediction_tokens: 3,
      rejected_prediction_tokens: 2,
      total_tokens: 140,
    },
    details: { input_text_tokens: 88, output_text_tokens: 27 },
  },
  {
    title: 'responses, cache writes split by their life',
    raw: {
      input_tokens: 50,
      output_tokens: 6,
      total_tokens: 56,
      input_tokens_details: {
        cached_tokens: 8,
        cache_write_tokens: 30,
        cache_write_tokens_details: { ttl_30m_tokens: 10, ttl_12h_tokens: 20 },
      },
      output_tokens_details: { reasoning_tokens: 2 },
    },
    counts: {
      input_tokens: 50,
      cache_read_tokens: 8,
      cache_write_tokens: 30,
      output_tokens: 6,
      reasoning_tokens: 2,
      total_tokens: 56,
    },
    details: { cache_write_30m_tokens: 10, cache_write_12h_tokens: 20 },
  },
  {
    title: 'images',
    raw: {
      input_tokens: 12,
      output_tokens: 200,
      total_tokens: 212,
      input_tokens_details: { text_tokens: 5, image_tokens: 7 },
      output_tokens_details: { text_tokens: 10, image_tokens: 190 },
    },
    counts: { input_tokens: 12, input_image_tokens: 7, output_tokens: 200, total_tokens: 212 },
    details: { input_text_tokens: 5, output_text_tokens: 10, output_image_tokens: 190 },
  },
  {
    title: 'transcription, singular details',
    raw: {
      type: 'tokens',
      input_tokens: 21,
      output_tokens: 4,
      total_tokens: 25,
      input_token_details: { text_tokens: 1, audio_tokens: 20 },
    },
    counts: { input_tokens: 21, input_audio_tokens: 20, output_tokens: 4, total_tokens: 25 },
    details: { input_text_tokens: 1 },
  },
  {
    title: 'transcription by duration, a fraction of a second included',
    raw: { type: 'duration', seconds: 3.5 },
    counts: {},
    details: { seconds: 3.5 },
  },
  {
    title: 'realtime, cached audio',
    raw: {
      input_tokens: 60,
      output_tokens: 10,
      total_tokens: 70,
      input_token_details: {
        text_tokens: 20,
        audio_tokens: 40,
        cached_tokens: 30,
        cached_tokens_details: { text_tokens: 12, audio_tokens: 18 },
      },
      output_token_details: { text_tokens: 3, audio_tokens: 7 },
    },
    counts: {
      input_tokens: 60,
      cache_read_tokens: 30,
      cache_audio_read_tokens: 18,
      input_audio_tokens: 40,
      output_tokens: 10,
      output_audio_tokens: 7,
      total_tokens: 70,
    },
    details: { input_text_tokens: 20, cached_text_tokens: 12, output_text_tokens: 3 },
  },
  {
    title: 'embeddings: no completion',
    raw: { prompt_tokens: 9, total_tokens: 9 },
    counts: { input_tokens: 9, total_tokens: 9 },
  },
  { title: 'Voyage: only a total', raw: { total_tokens: 14 }, counts: { input_tokens: 14, total_tokens: 14 } },
  {
    title: 'no total: the sum stands for it',
    raw: { prompt_tokens: 3, completion_tokens: 4 },
    counts: { input_tokens: 3, output_tokens: 4, total_tokens: 7 },
  },
  {
    title: 'xAI chat: reasoning beside the completion',
    raw: {
      prompt_tokens: 20,
      completion_tokens: 30,
      total_tokens: 57,
      completion_tokens_details: { reasoning_tokens: 7 },
      num_sources_used: 2,
      cost_in_usd_ticks: 5,
    },
    counts: { input_tokens: 20, output_tokens: 37, reasoning_tokens: 7, total_tokens: 57 },
    details: { num_sources_used: 2, cost_in_usd_ticks: 5 },
  },
  {
    title: 'reasoning above the completion is beside it, whatever the total says',
    raw: { prompt_tokens: 5, completion_tokens: 2, completion_tokens_details: { reasoning_tokens: 8 } },
    counts: { input_tokens: 5, output_tokens: 10, reasoning_tokens: 8, total_tokens: 15 },
  },
  {
    title: 'reasoning inside the completion stays there',
    raw: {
      prompt_tokens: 5,
      completion_tokens: 9,
      total_tokens: 14,
      completion_tokens_details: { reasoning_tokens: 8 },
    },
    counts: { input_tokens: 5, output_tokens: 9, reasoning_tokens: 8, total_tokens: 14 },
  },
  {
    title: 'Grok on Azure: cached above the prompt is beside it',
    raw: { prompt_tokens: 4, completion_tokens: 6, total_tokens: 10, prompt_tokens_details: { cached_tokens: 90 } },
    counts: { input_tokens: 94, cache_read_tokens: 90, output_tokens: 6, total_tokens: 10 },
    details: { total_mismatch: 1 },
  },
  {
    title: 'Mistral: audio beside the prompt',
    raw: {
      prompt_audio_seconds: 6,
      prompt_tokens: 8,
      completion_tokens: 11,
      total_tokens: 119,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 100 },
    },
    counts: { input_tokens: 108, input_audio_tokens: 100, output_tokens: 11, total_tokens: 119 },
    details: { prompt_audio_seconds: 6 },
  },
  {
    title: 'Gemini: thinking only in the total',
    raw: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 40 },
    counts: { input_tokens: 10, output_tokens: 5, total_tokens: 40 },
    details: { total_mismatch: 1, unattributed_tokens: 25 },
  },
  {
    title: 'DeepSeek: hits and misses at the top',
    raw: {
      prompt_tokens: 70,
      completion_tokens: 3,
      total_tokens: 73,
      prompt_cache_hit_tokens: 64,
      prompt_cache_miss_tokens: 6,
    },
    counts: { input_tokens: 70, cache_read_tokens: 64, output_tokens: 3, total_tokens: 73 },
    details: { prompt_cache_miss_tokens: 6 },
  },
  {
    title: 'Mistral: num_cached_tokens, singular details null',
    raw: {
      prompt_tokens: 33,
      completion_tokens: 1,
      total_tokens: 34,
      num_cached_tokens: 32,
      prompt_token_details: null,
    },
    counts: { input_tokens: 33, cache_read_tokens: 32, output_tokens: 1, total_tokens: 34 },
  },
  {
    title: 'Moonshot, Together: cached_tokens at the top',
    raw: { prompt_tokens: 33, completion_tokens: 1, total_tokens: 34, cached_tokens: 16 },
    counts: { input_tokens: 33, cache_read_tokens: 16, output_tokens: 1, total_tokens: 34 },
  },
  {
    title: 'SGLang: reasoning_tokens at the top, details null',
    raw: {
      prompt_tokens: 7,
      completion_tokens: 9,
      total_tokens: 16,
      reasoning_tokens: 4,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    },
    counts: { input_tokens: 7, output_tokens: 9, reasoning_tokens: 4, total_tokens: 16 },
  },
  {
    title: 'DashScope: cache creation in the details',
    raw: {
      prompt_tokens: 50,
      completion_tokens: 2,
      total_tokens: 52,
      prompt_tokens_details: { cached_tokens: 0, cache_creation_input_tokens: 40, cache_type: 'ephemeral' },
    },
    counts: { input_tokens: 50, cache_write_tokens: 40, output_tokens: 2, total_tokens: 52 },
  },
  {
    title: 'a place with zero does not hide another with a number',
    raw: { prompt_tokens: 8, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 0 }, cached_tokens: 6 },
    counts: { input_tokens: 8, cache_read_tokens: 6, output_tokens: 1, total_tokens: 9 },
  },
  {
    title: 'Groq: timings are no counts',
    raw: {
      queue_time: 0.25,
      prompt_tokens: 2,
      prompt_time: 0.5,
      completion_tokens: 1,
      total_tokens: 3,
      total_time: 0.75,
    },
    counts: { input_tokens: 2, output_tokens: 1, total_tokens: 3 },
  },
  {
    title: 'OpenRouter: money, flags and tools',
    raw: {
      prompt_tokens: 10,
      completion_tokens: 4,
      total_tokens: 14,
      cost: 1,
      is_byok: false,
      cost_details: { upstream_inference_cost: 0, upstream_inference_completions_cost: 1 },
      prompt_tokens_details: { cached_tokens: 0, video_tokens: 3 },
      server_tool_use_details: { web_search_requests: 2, tool_calls_executed: 1 },
    },
    counts: { input_tokens: 10, output_tokens: 4, total_tokens: 14 },
    details: { input_video_tokens: 3, web_search_requests: 2, tool_calls_executed: 1 },
  },
  {
    title: 'objects that are no details name their members',
    raw: {
      input_tokens: 3,
      output_tokens: 2,
      total_tokens: 5,
      context_details: { input_tokens: 1 },
      latency_checkpoint: { engine_ms: 12 },
    },
    counts: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
    details: { context_input_tokens: 1, latency_checkpoint_engine_ms: 12 },
  },
  {
    title: 'orchestration tokens: in the total, in no count',
    raw: {
      input_tokens: 120,
      output_tokens: 80,
      total_tokens: 265,
      orchestration_input_tokens: 40,
      orchestration_output_tokens: 25,
    },
    counts: { input_tokens: 120, output_tokens: 80, total_tokens: 265 },
    details: {
      total_mismatch: 1,
      unattributed_tokens: 65,
      orchestration_input_tokens: 40,
      orchestration_output_tokens: 25,
    },
  },
  {
    title: 'only non-negative integers count',
    raw: { prompt_tokens: -5, completion_tokens: 1.5, total_tokens: '7', input_tokens: 4, compute_units: null },
    counts: { input_tokens: 4, total_tokens: 4 },
  },
  { title: 'zeros are a report of zero', raw: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, counts: {} },
  { title: 'a cost only', raw: { cost: 0.5 }, counts: {} },
];

describe('normaliseUsage', () => {
  it.each(vectors.map((vector) => [vector.title, vector] as const))('%s', (_, { raw, counts, details }) => {
    expect(normaliseUsage(raw)).toEqual({ ...ZERO, ...counts, details: details ?? {} });
  });

  it.each([
    [{}],
    [{ prompt_tokens: null, prompt_tokens_details: null }],
    [{ type: 'tokens' }],
    [{ models: [1] }],
    [{ prompt_tokens: -1, completion_tokens: -1, total_tokens: -1 }],
  ])('gives null where nothing is reported: %j', (raw) => {
    expect(normaliseUsage(raw)).toBeNull();
  });

  it('keeps a bounded number of details, and its own first', () => {
    const raw: Record<string, unknown> = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 9 };
    for (let i = 0; i < 500; i++) raw[`extra_${i}`] = i;
    const details = normaliseUsage(raw)?.details ?? {};
    expect(Object.keys(details)).toHaveLength(64);
    expect(details).toMatchObject({ total_mismatch: 1, unattributed_tokens: 7, extra_0: 0 });
  });

  it('takes hostile names for names', () => {
    const raw: Record<string, unknown> = JSON.parse('{"total_tokens":2,"__proto__":7,"constructor":8}');
    const details = normaliseUsage(raw)?.details ?? {};
    expect(Object.entries(details)).toEqual([
      ['__proto__', 7],
      ['constructor', 8],
    ]);
    expect(Object.getPrototypeOf(details)).toBe(Object.prototype);
  });
});

describe('countsNoTokens', () => {
  it.each([
    [{ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, true],
    [{ queue_time: 0.5 }, true],
    [{ prompt_tokens: 0, completion_tokens: 1, total_tokens: 1 }, false],
    [{ total_tokens: 3 }, false],
  ])('%j: %s', (raw, expected) => {
    expect(countsNoTokens(raw)).toBe(expected);
  });
});

describe('a count that no call can have used', () => {
  it.each([{ prompt_tokens: 9_007_199_254_740_991, completion_tokens: 1, total_tokens: 2 }, { total_tokens: 1e12 }])(
    'is no usage: %o',
    (raw) => {
      expect(normaliseUsage(raw)).toBeNull();
    },
  );
});
