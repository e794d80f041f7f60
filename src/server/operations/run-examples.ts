/** One call of one run, as the reports of it show it. */

const USAGE = {
  requests: 1,
  tool_calls: 1,
  input_tokens: 1200,
  input_tokens_details: { cached_tokens: 1024, cache_write_tokens: 0 },
  output_tokens: 300,
  output_tokens_details: { reasoning_tokens: 256 },
  total_tokens: 1500,
  cache_read_tokens: 1024,
  cache_write_tokens: 0,
  input_audio_tokens: 0,
  cache_audio_read_tokens: 0,
  details: { reasoning_tokens: 256 },
};

const SHARE = {
  requests: 1,
  input_tokens: 1200,
  cache_read_tokens: 1024,
  output_tokens: 300,
  reasoning_tokens: 256,
  total_tokens: 1500,
  tool_calls: 1,
  cost_usd: '0.002345600',
  corrections_usd: '0.000000000',
};

const ACTIVITY = {
  usage: USAGE,
  cost_usd: '0.002345600',
  cost_complete: true,
  corrections_usd: '0.000000000',
  corrected_cost_usd: '0.002345600',
  corrected_cost_complete: true,
  by_model: [{ model: 'gpt-5-mini-2026-02-01', ...SHARE }],
  by_agent: [{ agent: 'planner', ...SHARE }],
  not_counted: { missing_usage: 0, estimated: 0, failed: 0, client_retries: 0 },
};

const TIMES = {
  started_at: '2026-11-22T03:46:32.973Z',
  last_activity_at: '2026-11-22T03:47:10.120Z',
  in_flight: 0,
};

const RUN_IN_LIST = {
  run_id: 'nightly-42',
  team: 'research',
  parent_run_id: null,
  session_id: 'chat-7',
  labels: {},
  children: ['nightly-42/summary'],
  ...TIMES,
  ...ACTIVITY,
  limits: [],
};

export const RUN_EXAMPLE = {
  ...RUN_IN_LIST,
  usage: {
    ...USAGE,
    request_usage_entries: [
      {
        id: '01KAF8W2M3N4P5Q6R7S8T9V0WX',
        at: '2026-11-22T03:46:32.973Z',
        agent: 'planner',
        model: 'gpt-5-mini',
        input_tokens: 1200,
        output_tokens: 300,
        total_tokens: 1500,
        input_tokens_details: { cached_tokens: 1024, cache_write_tokens: 0 },
        output_tokens_details: { reasoning_tokens: 256 },
      },
    ],
  },
};

export const SESSION_EXAMPLE = {
  session_id: 'chat-7',
  team: 'research',
  ...TIMES,
  ...ACTIVITY,
  runs: [RUN_IN_LIST],
  runs_truncated: false,
  without_run: null,
};
