import type { JsonObject } from './json-value.ts';
import type { Counts } from './usage.ts';
import {
  dashscopeUsage,
  deepseekUsage,
  emptyDetailsUsage,
  geminiUsage,
  groqUsage,
  mistralUsage,
  nullDetailsUsage,
  olderResponsesUsage,
  openaiUsage,
  openrouterResponsesUsage,
  openrouterUsage,
  perplexityUsage,
  plainUsage,
  responsesUsage,
  sglangUsage,
  shortDetailsUsage,
  topLevelCachedUsage,
  type UsageShape,
  vllmUsage,
  xaiResponsesUsage,
  xaiUsage,
} from './usage-shapes.ts';

/** How one upstream tells usage, one row each of wire.md 2.2. */
export interface Dialect {
  /** Whether a stream tells usage: only when `include_usage` was asked for, always, or never. */
  readonly streamUsage: 'asked' | 'always' | 'never';
  /** The event that bears the final usage: one more after the finish event, or the finish event itself. */
  readonly place: 'extra_event' | 'finish_event';
  /** `choices` of the extra event: empty, or the finish event's once more. */
  readonly extraChoices: 'empty' | 'repeated';
  /** What the other events have in the place of usage, once usage is told. */
  readonly otherEvents: 'null' | 'omitted';
  /** The same for legacy completions, where Ollama writes zeros. */
  readonly otherCompletionEvents: 'null' | 'omitted' | 'zeros';
  /** Whether every event bears the usage so far: on `continuous_usage_stats`, always, or never. */
  readonly running: 'never' | 'if_asked' | 'always';
  readonly lineEnd: '\n' | '\r\n';
  /** Whether a chat stream ends with `data: [DONE]`. */
  readonly done: boolean;
  readonly responsesDone: boolean;
  /** Comment lines before the first event. */
  readonly comments: number;
  /** An event before all others that has `choices: []` and no usage, as its JSON text. */
  readonly firstEvent: string | null;
  /** Members of every chunk and answer beside the usual ones. */
  readonly members: JsonObject;
  /** Members of the first chunk alone. */
  readonly firstMembers: JsonObject;
  /** Members of the chunk that closes the stream, and of a JSON answer; `usageTold` is false where usage is not shown. */
  readonly lastMembers: (counts: Counts, usageTold: boolean) => JsonObject;
  /** Members after `usage`, on every chunk. */
  readonly obfuscation: boolean;
  /** Whether id, created and the like are left empty in chunks. */
  readonly anonymous: boolean;
  readonly chatUsage: UsageShape;
  readonly completionsUsage: UsageShape;
  readonly responsesUsage: UsageShape;
  /** Members beside `response` in the event `response.completed`. */
  readonly besideResponse: (counts: Counts) => JsonObject;
  /** How `stream_options` is turned down; null where it is understood. */
  readonly rejectsStreamOptions: { readonly status: number; readonly body: JsonObject } | null;
  /** How an error within a stream is sent. */
  readonly streamError: 'data' | 'event' | 'with_usage';
}

const NOTHING = (): JsonObject => ({});

/** OpenAI's own row; every other row says in what it differs from it. */
const OPENAI: Dialect = {
  streamUsage: 'asked',
  place: 'extra_event',
  extraChoices: 'empty',
  otherEvents: 'null',
  otherCompletionEvents: 'null',
  running: 'never',
  lineEnd: '\n',
  done: true,
  responsesDone: false,
  comments: 0,
  firstEvent: null,
  members: { service_tier: 'default', system_fingerprint: 'fp_simulator' },
  firstMembers: {},
  lastMembers: NOTHING,
  obfuscation: true,
  anonymous: false,
  chatUsage: openaiUsage,
  completionsUsage: plainUsage,
  responsesUsage,
  besideResponse: NOTHING,
  rejectsStreamOptions: null,
  streamError: 'data',
};

/** What most servers that speak the dialect have in common: no tier, no padding, the key left out where it is empty. */
const COMPATIBLE: Dialect = {
  ...OPENAI,
  otherEvents: 'omitted',
  otherCompletionEvents: 'omitted',
  members: {},
  obfuscation: false,
  chatUsage: plainUsage,
  responsesUsage: olderResponsesUsage,
};

const AZURE_FIRST_EVENT = JSON.stringify({
  choices: [],
  created: 0,
  id: '',
  model: '',
  object: '',
  prompt_filter_results: [{ prompt_index: 0, content_filter_results: { hate: { filtered: false, severity: 'safe' } } }],
});

const DIALECTS = {
  openai: OPENAI,
  azure: { ...OPENAI, firstEvent: AZURE_FIRST_EVENT, responsesUsage: olderResponsesUsage },
  vllm: { ...COMPATIBLE, running: 'if_asked', chatUsage: vllmUsage, completionsUsage: vllmUsage },
  'vllm-force': {
    ...COMPATIBLE,
    streamUsage: 'always',
    running: 'always',
    chatUsage: vllmUsage,
    completionsUsage: vllmUsage,
  },
  sglang: { ...COMPATIBLE, running: 'if_asked', chatUsage: sglangUsage, completionsUsage: sglangUsage },
  ollama: { ...COMPATIBLE, members: { system_fingerprint: 'fp_ollama' }, otherCompletionEvents: 'zeros' },
  llamacpp: {
    ...COMPATIBLE,
    lastMembers: ({ input, output, cached }) => ({
      timings: { cache_n: cached, prompt_n: input - cached, prompt_ms: 12.5, predicted_n: output, predicted_ms: 50.25 },
    }),
  },
  lmstudio: { ...COMPATIBLE, streamUsage: 'never' },
  openrouter: {
    ...COMPATIBLE,
    streamUsage: 'always',
    extraChoices: 'repeated',
    responsesDone: true,
    comments: 2,
    members: { provider: 'Simulator' },
    chatUsage: openrouterUsage,
    completionsUsage: openrouterUsage,
    responsesUsage: openrouterResponsesUsage,
    streamError: 'with_usage',
  },
  groq: {
    ...COMPATIBLE,
    streamUsage: 'always',
    place: 'finish_event',
    members: { system_fingerprint: 'fp_groq' },
    firstMembers: { x_groq: { id: 'req_simulator', seed: 1535227698 } },
    lastMembers: (counts, usageTold) => ({
      x_groq: { id: 'req_simulator', ...(usageTold ? { usage: groqUsage(counts) } : {}) },
    }),
    chatUsage: groqUsage,
    completionsUsage: groqUsage,
    streamError: 'event',
  },
  deepseek: {
    ...COMPATIBLE,
    place: 'finish_event',
    otherEvents: 'null',
    otherCompletionEvents: 'null',
    members: { system_fingerprint: 'fp_deepseek' },
    chatUsage: deepseekUsage,
    completionsUsage: deepseekUsage,
  },
  mistral: {
    ...COMPATIBLE,
    streamUsage: 'always',
    place: 'finish_event',
    chatUsage: mistralUsage,
    completionsUsage: mistralUsage,
    rejectsStreamOptions: {
      status: 422,
      body: {
        object: 'error',
        message: {
          detail: [
            {
              type: 'extra_forbidden',
              loc: ['body', 'stream_options', 'include_usage'],
              msg: 'Extra inputs are not permitted',
              input: true,
            },
          ],
        },
        type: 'invalid_request_error',
        param: null,
        code: null,
      },
    },
  },
  cohere: {
    ...COMPATIBLE,
    streamUsage: 'always',
    place: 'finish_event',
    rejectsStreamOptions: {
      status: 400,
      body: { id: 'simulator', message: "unknown field: parameter 'stream_options' is not a valid field" },
    },
  },
  xai: {
    ...COMPATIBLE,
    members: { system_fingerprint: 'fp_xai' },
    chatUsage: xaiUsage,
    completionsUsage: xaiUsage,
    responsesUsage: xaiResponsesUsage,
  },
  perplexity: {
    ...COMPATIBLE,
    streamUsage: 'always',
    place: 'finish_event',
    running: 'always',
    lineEnd: '\r\n',
    done: false,
    members: { citations: ['https://example.com/'] },
    chatUsage: perplexityUsage,
    completionsUsage: perplexityUsage,
  },
  gemini: {
    ...COMPATIBLE,
    place: 'finish_event',
    running: 'always',
    chatUsage: geminiUsage,
    completionsUsage: geminiUsage,
  },
  together: {
    ...COMPATIBLE,
    place: 'finish_event',
    otherEvents: 'null',
    otherCompletionEvents: 'null',
    chatUsage: topLevelCachedUsage,
    completionsUsage: topLevelCachedUsage,
  },
  fireworks: { ...COMPATIBLE, otherEvents: 'null', otherCompletionEvents: 'null', chatUsage: shortDetailsUsage },
  moonshot: { ...COMPATIBLE, place: 'finish_event', chatUsage: topLevelCachedUsage },
  dashscope: { ...COMPATIBLE, otherEvents: 'null', otherCompletionEvents: 'null', chatUsage: dashscopeUsage },
  cerebras: {
    ...COMPATIBLE,
    streamUsage: 'always',
    place: 'finish_event',
    chatUsage: shortDetailsUsage,
    lastMembers: () => ({
      time_info: { queue_time: 0.003385, prompt_time: 0.012729, completion_time: 0.220198, total_time: 0.344095 },
    }),
  },
  zai: { ...COMPATIBLE, place: 'finish_event', chatUsage: shortDetailsUsage },
  snowflake: {
    ...COMPATIBLE,
    anonymous: true,
    members: { service_tier: '', system_fingerprint: '' },
    chatUsage: openaiUsage,
  },
  huggingface: {
    ...COMPATIBLE,
    streamUsage: 'always',
    chatUsage: nullDetailsUsage,
    lastMembers: () => ({ sla_metrics: { ts_us: 1_000, ttft_ms: 12 } }),
  },
  litellm: { ...COMPATIBLE, chatUsage: shortDetailsUsage },
  anthropic: { ...COMPATIBLE, chatUsage: emptyDetailsUsage },
  copilot: {
    ...OPENAI,
    besideResponse: ({ input, output }) => ({
      copilot_usage: {
        token_details: [
          { batch_size: 1_000_000, cost_per_batch: 175_000_000_000, token_count: input, token_type: 'input' },
          { batch_size: 1_000_000, cost_per_batch: 700_000_000_000, token_count: output, token_type: 'output' },
        ],
        total_nano_aiu: input * 175_000 + output * 700_000,
      },
    }),
  },
} as const satisfies Record<string, Dialect>;

const ROWS: ReadonlyMap<string, Dialect> = new Map<string, Dialect>(Object.entries(DIALECTS));

/** The names that `x-sim-dialect` and the option `dialect` take. */
export const DIALECT_NAMES: readonly string[] = [...ROWS.keys()];

/** Gives the row of a dialect; OpenAI's for a name that has none (names are checked where they come in). */
export function dialectOf(name: string): Dialect {
  return ROWS.get(name) ?? OPENAI;
}
