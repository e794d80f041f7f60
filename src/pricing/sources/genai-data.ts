/**
 * The data of genai-prices (https://github.com/pydantic/genai-prices), as its package has it and as its makers publish
 * it: what of it the book is made of.
 */
export interface GenaiProvider {
  readonly id: string;
  readonly models: readonly GenaiModel[];
}

export interface GenaiModel {
  readonly id: string;
  readonly match: MatchLogic;
  /** Dollars, by the unit that the name ends in: `input_mtok`, `requests_kcount`, … */
  readonly prices: readonly ConditionalPrice[] | ModelPrice;
}

export type ModelPrice = Readonly<Record<string, number | TieredPrice | undefined>>;

/** Above `start` tokens of input all tokens have the tier's price. */
export interface TieredPrice {
  readonly base: number;
  readonly tiers: readonly { readonly start: number; readonly price: number }[];
}

export interface ConditionalPrice {
  readonly constraint?: DateConstraint | TimeConstraint | undefined;
  readonly prices: ModelPrice;
}

interface DateConstraint {
  readonly type: 'start_date';
  readonly start_date: string;
}

interface TimeConstraint {
  readonly type: 'time_of_date';
  readonly start_time: string;
  readonly end_time: string;
}

/** Which names a model goes by. */
export type MatchLogic =
  | { readonly and: readonly MatchLogic[] }
  | { readonly or: readonly MatchLogic[] }
  | { readonly equals: string }
  | { readonly starts_with: string }
  | { readonly ends_with: string }
  | { readonly contains: string }
  | { readonly regex: string };

/** Where its makers publish the newest data. */
export const GENAI_DATA_URL =
  'https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json';

export interface GenaiData {
  readonly providers: readonly GenaiProvider[];
  /** Models whose data is of another form than what is known here: `openai/gpt-9`. */
  readonly unread: readonly string[];
}

/** Narrows parsed data, model by model. @throws Error where it is no list of providers */
export function readGenaiData(value: unknown): GenaiData {
  if (!Array.isArray(value) || value.length === 0 || !value.every(hasModels)) {
    throw new Error('it is no list of providers with models, as genai-prices publishes it');
  }
  const unread: string[] = [];
  const providers = value.map(({ id, models }) => ({
    id,
    models: models.filter((model): model is GenaiModel => {
      if (isModel(model)) return true;
      unread.push(`${id}/${isObject(model) ? String(model['id']) : '?'}`);
      return false;
    }),
  }));
  return { providers, unread };
}

function hasModels(value: unknown): value is { readonly id: string; readonly models: readonly unknown[] } {
  return isObject(value) && typeof value['id'] === 'string' && Array.isArray(value['models']);
}

function isModel(value: unknown): value is GenaiModel {
  if (!isObject(value) || typeof value['id'] !== 'string' || !isMatch(value['match'])) return false;
  const { prices } = value;
  return Array.isArray(prices) ? prices.every(isConditional) : isPrice(prices);
}

const WORDS = ['equals', 'starts_with', 'ends_with', 'contains', 'regex'] as const;

function isMatch(value: unknown): value is MatchLogic {
  if (!isObject(value)) return false;
  for (const name of ['and', 'or']) if (Array.isArray(value[name])) return value[name].every(isMatch);
  return WORDS.some((name) => typeof value[name] === 'string');
}

function isConditional(value: unknown): value is ConditionalPrice {
  if (!isObject(value) || !isPrice(value['prices'])) return false;
  const { constraint } = value;
  if (constraint === undefined || constraint === null) return constraint === undefined;
  if (!isObject(constraint)) return false;
  const names = constraint['type'] === 'start_date' ? ['start_date'] : ['start_time', 'end_time'];
  return (
    ['start_date', 'time_of_date'].includes(String(constraint['type'])) &&
    names.every((name) => typeof constraint[name] === 'string')
  );
}

function isPrice(value: unknown): value is ModelPrice {
  return isObject(value) && Object.values(value).every((price) => typeof price === 'number' || isTiered(price));
}

function isTiered(value: unknown): value is TieredPrice {
  if (!isObject(value) || typeof value['base'] !== 'number' || !Array.isArray(value['tiers'])) return false;
  return value['tiers'].every(
    (tier: unknown) => isObject(tier) && typeof tier['start'] === 'number' && typeof tier['price'] === 'number',
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
