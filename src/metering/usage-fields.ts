import { COUNT_NAMES, type TokenCounts } from './usage.ts';

/**
 * Where each canonical count stands in the usage objects of the dialects (wire.md 1.1, 2.2, 5.4, 9). The places of one
 * count are tried in order; the first that holds a number above zero wins, else a zero that is there.
 */
export type CountField = Exclude<keyof TokenCounts, 'tool_calls'>;
export type FieldPath = readonly string[];

/** The detail objects of the input side, in all spellings: chat, transcription and Mistral (singular), Responses. */
const INPUT_DETAILS = [
  'prompt_tokens_details',
  'input_tokens_details',
  'prompt_token_details',
  'input_token_details',
] as const;

const OUTPUT_DETAILS = [
  'completion_tokens_details',
  'output_tokens_details',
  'completion_token_details',
  'output_token_details',
] as const;

const inInput = (...leaf: string[]): FieldPath[] => INPUT_DETAILS.map((details) => [details, ...leaf]);
const inOutput = (...leaf: string[]): FieldPath[] => OUTPUT_DETAILS.map((details) => [details, ...leaf]);

export const COUNT_PATHS: Readonly<Record<CountField, readonly FieldPath[]>> = {
  input_tokens: [['prompt_tokens'], ['input_tokens']],
  cache_read_tokens: [
    ...inInput('cached_tokens'),
    ['cached_tokens'], // Together, Moonshot, Hugging Face
    ['num_cached_tokens'], // Mistral
    ['prompt_cache_hit_tokens'], // DeepSeek
    ['cache_read_input_tokens'], // gateways in front of Anthropic
  ],
  cache_write_tokens: [
    ...inInput('cache_write_tokens'),
    ...inInput('cache_creation_input_tokens'), // DashScope
    ...inInput('cache_creation_tokens'),
    ['cache_write_tokens'],
    ['cache_creation_input_tokens'],
    ['cache_creation_tokens'],
  ],
  input_audio_tokens: [...inInput('audio_tokens'), ['audio_prompt_tokens']],
  cache_audio_read_tokens: inInput('cached_tokens_details', 'audio_tokens'),
  input_image_tokens: inInput('image_tokens'),
  output_tokens: [['completion_tokens'], ['output_tokens']],
  reasoning_tokens: [...inOutput('reasoning_tokens'), ['reasoning_tokens']], // SGLang, Azure DeepSeek: at the top
  output_audio_tokens: inOutput('audio_tokens'),
  accepted_prediction_tokens: inOutput('accepted_prediction_tokens'),
  rejected_prediction_tokens: inOutput('rejected_prediction_tokens'),
  total_tokens: [['total_tokens']],
};

/** A place in a usage object that is known: a count, or an object that has counts in it. */
export interface UsagePlace {
  /** The count that stands here; null where it is an object with counts in it. */
  readonly field: CountField | null;
  readonly members: UsagePlaces;
}

/** Known places by the name of the member. */
export type UsagePlaces = ReadonlyMap<string, UsagePlace>;

/** The known places of a usage object, as the object is nested, so that one walk over it finds every count. */
export const USAGE_PLACES: UsagePlaces = placesOf(
  COUNT_NAMES.filter((name) => name !== 'tool_calls').flatMap((field) =>
    COUNT_PATHS[field].map((path) => ({ field, path })),
  ),
);

interface PathToCount {
  readonly field: CountField;
  readonly path: FieldPath;
}

function placesOf(paths: readonly PathToCount[]): UsagePlaces {
  const byMember = Map.groupBy(paths, ({ path }) => path[0] ?? '');
  return new Map(
    [...byMember].map(([member, here]) => {
      const own = here.find(({ path }) => path.length === 1);
      const inside = here.filter(({ path }) => path.length > 1).map((to) => ({ ...to, path: to.path.slice(1) }));
      return [member, { field: own?.field ?? null, members: placesOf(inside) }] as const;
    }),
  );
}

/** What a detail object says of its members: `text_tokens` of the prompt are `input_text_tokens` in `details`. */
export const DETAIL_SIDES: ReadonlyMap<string, string> = new Map([
  ...INPUT_DETAILS.map((name) => [name, 'input'] as const),
  ...OUTPUT_DETAILS.map((name) => [name, 'output'] as const),
]);

/** Names that say nothing without their side or parent, because they stand on both sides or mean the whole call. */
export const AMBIGUOUS_NAMES: ReadonlySet<string> = new Set([
  ...COUNT_NAMES,
  'prompt_tokens',
  'completion_tokens',
  'cached_tokens',
  'text_tokens',
  'audio_tokens',
  'image_tokens',
  'video_tokens',
  'multimodal_tokens',
]);

/** Details that are known by a better name than the one made from their path. */
export const DETAIL_NAMES: ReadonlyMap<string, string> = new Map([
  ['ttl_30m_tokens', 'cache_write_30m_tokens'],
  ['ttl_12h_tokens', 'cache_write_12h_tokens'],
  ['web_search_num_requests', 'web_search_requests'],
]);

/** Money is no count: it is in `cost_reported_usd` and in the raw object. */
export const MONEY_MEMBERS: ReadonlySet<string> = new Set(['cost', 'cost_details']);
