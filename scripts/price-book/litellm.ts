import type { BookEntry, Supplement } from '../../src/pricing/book-entry.ts';
import type { ContextTierEntry, ServiceTierEntry, TokenPriceEntry } from '../../src/pricing/price-entry.ts';
import type { LitellmSource } from '../../src/pricing/sources/book-sources.ts';
import { decimalText } from '../../src/pricing/sources/decimal.ts';

export const LITELLM = 'litellm';

/** The models of LiteLLM's `model_prices_and_context_window_backup.json` by key. */
export type LitellmModels = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** Prices per token: their names here and there. A length and a service tier may follow there. */
const TOKEN_COSTS = {
  input_per_mtok: 'input_cost_per_token',
  cached_input_per_mtok: 'cache_read_input_token_cost',
  cache_write_per_mtok: 'cache_creation_input_token_cost',
  cache_write_1h_per_mtok: 'cache_creation_input_token_cost_above_1hr',
  cache_write_12h_per_mtok: 'cache_creation_input_token_cost_above_12hr',
  input_audio_per_mtok: 'input_cost_per_audio_token',
  cached_audio_per_mtok: 'cache_read_input_audio_token_cost',
  input_image_per_mtok: 'input_cost_per_image_token',
  cached_image_per_mtok: 'cache_read_input_image_token_cost',
  output_per_mtok: 'output_cost_per_token',
  reasoning_per_mtok: 'output_cost_per_reasoning_token',
  output_audio_per_mtok: 'output_cost_per_audio_token',
  output_image_per_mtok: 'output_cost_per_image_token',
} as const satisfies Readonly<Record<keyof TokenPriceEntry, string>>;

/** What the answers call a tier, and what ends the name of its prices there. */
const SERVICE_TIERS = { flex: '_flex', priority: '_priority', ultrafast: '_ultrafast', batch: '_batches' } as const;

/** Kinds of model whose calls are metered by tokens or seconds. */
const MODES: ReadonlySet<unknown> = new Set([
  'chat',
  'responses',
  'completion',
  'embedding',
  'audio_transcription',
  'audio_speech',
  'image_generation',
]);

/** Reads the file. */
export function readLitellm(text: string): LitellmModels {
  const parsed: unknown = JSON.parse(text);
  if (!isObject(parsed)) throw new Error("LiteLLM's file holds no object");
  return new Map(
    Object.entries(parsed).filter((entry): entry is [string, Record<string, unknown>] => isObject(entry[1])),
  );
}

type Costs = Readonly<Record<string, unknown>>;

/** Where the two sources do not agree about a model, so that nothing is taken from the second one. */
export interface Disagreement {
  readonly model: string;
  readonly differences: readonly string[];
}

/** What LiteLLM adds to a row: prices of service tiers, and of cache writes that live for twelve hours. */
export function supplementOf(entry: BookEntry, costs: Costs): Supplement | Disagreement | null {
  const differences = COMPARED.filter((field) => !agree(entry[field], costs[TOKEN_COSTS[field]])).map(
    (field) => `${field} ${entry[field] ?? 'none'} and ${perMillion(costs, TOKEN_COSTS[field]) ?? 'none'}`,
  );
  if (differences.length > 0) return { model: `${entry.provider}/${entry.model}`, differences };
  const lengths = (entry.context_tiers ?? []).map(({ above_input_tokens }) => above_input_tokens);
  const service_tiers = serviceTiers(costs, lengths, (field) => field === LONG_WRITE || entry[field] !== undefined);
  const longWrite = perMillion(costs, TOKEN_COSTS[LONG_WRITE]);
  if (service_tiers === null && longWrite === null) return null;
  const context_tiers = longWrite === null ? [] : contextTiers(costs, { lengths, suffix: '', has: isLongWrite });
  return {
    source: LITELLM,
    ...(longWrite !== null && { [LONG_WRITE]: longWrite }),
    ...(context_tiers.length > 0 && { context_tiers }),
    ...(service_tiers !== null && { service_tiers }),
  };
}

const LONG_WRITE = 'cache_write_12h_per_mtok';
const isLongWrite = (field: string) => field === LONG_WRITE;
const COMPARED = ['input_per_mtok', 'output_per_mtok', 'cached_input_per_mtok'] as const;

/** A price that one of them does not have, or that is 0 there, says nothing against the other's. */
function agree(price: string | undefined, cost: unknown): boolean {
  return price === undefined || typeof cost !== 'number' || cost === 0 || decimalText(cost, 6) === price;
}

/** Makes rows of the models that the first source does not know. */
export function litellmRows(
  provider: string,
  source: LitellmSource,
  known: { readonly models: LitellmModels; readonly isKnown: (model: string) => boolean },
): BookEntry[] {
  const rows = [...known.models].flatMap(([key, costs]) => {
    if (!source.providers.includes(String(costs['litellm_provider'])) || !key.startsWith(source.prefix)) return [];
    const model = key.slice(source.prefix.length);
    // Keys such as `high/1024-x-1024/gpt-image-1` are no names of models.
    if (!MODES.has(costs['mode']) || known.isKnown(model) || / |-x-/.test(model)) return [];
    const row = litellmRow(provider, model, costs);
    return row === null ? [] : [row];
  });
  const ofModel = new Map(rows.map((row) => [row.model.toLowerCase(), row]));
  return [...ofModel.values()].sort((one, other) => (one.model < other.model ? -1 : 1));
}

function litellmRow(provider: string, model: string, costs: Costs): BookEntry | null {
  const prices = tokenPrices(costs, '');
  const audioHour = costs['mode'] === 'audio_transcription' ? hourly(costs['input_cost_per_second']) : null;
  // A price of 0 there may mean free, or that nobody wrote one.
  const isPriced = [prices.input_per_mtok, prices.output_per_mtok].some(
    (price) => price !== undefined && price !== '0',
  );
  if (!isPriced && audioHour === null) return null;
  const output = prices.output_per_mtok ?? prices.output_image_per_mtok;
  const lengths = lengthsIn(costs);
  const context_tiers = contextTiers(costs, { lengths, suffix: '', has: () => true });
  const service_tiers = serviceTiers(costs, lengths, () => true);
  const searches = thousandSearches(costs['search_context_cost_per_query']);
  return {
    provider,
    model,
    ...(model.startsWith('ft:') && { patterns: [`${model.toLowerCase()}:*`] }),
    ...(isPriced ? prices : {}),
    ...(isPriced && output !== undefined && { output_per_mtok: output }),
    ...(audioHour !== null && !isPriced && { per_audio_hour_usd: audioHour }),
    ...(searches !== null && { per_thousand_web_searches_usd: searches }),
    ...(context_tiers.length > 0 && { context_tiers }),
    ...(service_tiers !== null && { service_tiers }),
    source: LITELLM,
  };
}

function serviceTiers(
  costs: Costs,
  lengths: readonly number[],
  has: (field: keyof TokenPriceEntry) => boolean,
): Record<string, ServiceTierEntry> | null {
  const tiers: Record<string, ServiceTierEntry> = {};
  for (const [name, suffix] of Object.entries(SERVICE_TIERS)) {
    const prices = tokenPrices(costs, suffix, has);
    if (prices.input_per_mtok === undefined && prices.output_per_mtok === undefined) continue;
    const context_tiers = contextTiers(costs, { lengths, suffix, has });
    tiers[name] = { ...prices, ...(context_tiers.length > 0 && { context_tiers }) };
  }
  return Object.keys(tiers).length === 0 ? null : tiers;
}

interface TierChoice {
  readonly lengths: readonly number[];
  readonly suffix: string;
  readonly has: (field: keyof TokenPriceEntry) => boolean;
}

function contextTiers(costs: Costs, { lengths, suffix, has }: TierChoice): ContextTierEntry[] {
  return lengths.flatMap((above_input_tokens) => {
    const prices = tokenPrices(costs, `_above_${thousands(above_input_tokens)}k_tokens${suffix}`, has);
    return Object.keys(prices).length === 0 ? [] : [{ above_input_tokens, ...prices }];
  });
}

/** The first source writes a tier that begins at 272,000 tokens as "more than 271,999". */
function thousands(aboveInputTokens: number): number {
  return Math.round(aboveInputTokens / 1000);
}

function lengthsIn(costs: Costs): number[] {
  const found = Object.keys(costs).flatMap((key) => /^input_cost_per_token_above_(\d+)k_tokens$/.exec(key)?.[1] ?? []);
  return found.map((length) => Number(length) * 1000).sort((one, other) => one - other);
}

function tokenPrices(
  costs: Costs,
  suffix: string,
  has: (field: keyof TokenPriceEntry) => boolean = () => true,
): TokenPriceEntry {
  const fields = Object.keys(TOKEN_COSTS).filter(
    (field): field is keyof TokenPriceEntry => isField(field) && has(field),
  );
  return Object.fromEntries(
    fields.flatMap((field) => {
      const price = perMillion(costs, TOKEN_COSTS[field] + suffix);
      return price === null ? [] : [[field, price]];
    }),
  );
}

function isField(field: string): field is keyof typeof TOKEN_COSTS {
  return Object.hasOwn(TOKEN_COSTS, field);
}

function perMillion(costs: Costs, key: string): string | null {
  const cost = costs[key];
  return typeof cost === 'number' ? decimalText(cost, 6) : null;
}

function hourly(perSecond: unknown): string | null {
  return typeof perSecond === 'number' && perSecond > 0 ? decimalText(perSecond * 3600) : null;
}

/** Only where all sizes of the searched context cost the same. */
function thousandSearches(costs: unknown): string | null {
  if (!isObject(costs)) return null;
  const [first, ...others] = new Set(Object.values(costs));
  return typeof first === 'number' && first > 0 && others.length === 0 ? decimalText(first, 3) : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
