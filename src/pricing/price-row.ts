import { parseDecimal } from '../core/money.ts';

/** A price as it is written in the configuration (contract.md, "Prices"). Amounts are decimal strings in US dollars. */
export interface PriceEntry {
  /** The upstream's name. */
  readonly provider: string;
  /** Exact, or a glob with `*`. */
  readonly model: string;
  readonly input_per_mtok?: string | undefined;
  readonly cached_input_per_mtok?: string | undefined;
  readonly cache_write_per_mtok?: string | undefined;
  readonly output_per_mtok?: string | undefined;
  readonly input_audio_per_mtok?: string | undefined;
  readonly output_audio_per_mtok?: string | undefined;
  readonly per_request_usd?: string | undefined;
  /** A day (UTC), or a time with its zone. */
  readonly valid_from?: string | undefined;
  readonly service_tiers?: Readonly<Record<string, { readonly multiplier: string }>> | undefined;
}

/** The token kinds that can have a price of their own. */
export const TOKEN_KINDS = ['input', 'cachedInput', 'cacheWrite', 'output', 'inputAudio', 'outputAudio'] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** One dated price. Rows are never changed, only followed by later ones: records name the row that priced them. */
export interface PriceRow {
  /** `openai/gpt-5-mini@2026-11-01`; without `@…` where the row has no date. */
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  /**
   * Femto-USD (1e-15) per token, so nine decimals of a price per million tokens are exact. Null: no price of its own.
   * Cached input, cache writes and audio are then charged as plain input or output.
   */
  readonly femtoUsdPerToken: Readonly<Record<TokenKind, bigint | null>>;
  readonly perRequestNanoUsd: bigint;
  /** Null: since ever. */
  readonly validFromMs: number | null;
  /** Factor on the whole row by service tier, in billionths (`500000000n` is a half). */
  readonly serviceTiers: ReadonlyMap<string, bigint>;
  /** The row of the configuration goes before one of the bundled book. */
  readonly source: 'config' | 'book';
}

/** A price per million tokens with nine places is a price per token in 1e-15 USD; an amount in USD is one in nano-USD. */
const PLACES = 9;
export const MULTIPLIER_ONE = 1_000_000_000n;

const PRICE_FIELDS: Readonly<Record<TokenKind, keyof PriceEntry>> = {
  input: 'input_per_mtok',
  cachedInput: 'cached_input_per_mtok',
  cacheWrite: 'cache_write_per_mtok',
  output: 'output_per_mtok',
  inputAudio: 'input_audio_per_mtok',
  outputAudio: 'output_audio_per_mtok',
};

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;
const MS_PER_DAY = 86_400_000;

/**
 * Reads a price.
 *
 * @throws Error that begins with the name of the field at fault
 */
export function readPriceRow(entry: PriceEntry, source: PriceRow['source'] = 'config'): PriceRow {
  const provider = requireText('provider', entry.provider);
  const model = requireText('model', entry.model);
  const validFromMs = entry.valid_from === undefined ? null : readTime('valid_from', entry.valid_from);
  const femtoUsdPerToken = readTokenPrices(entry);
  if (entry.per_request_usd === undefined && Object.values(femtoUsdPerToken).every((price) => price === null)) {
    throw new Error('input_per_mtok: the row has no price at all; write "0" for what is free');
  }
  return {
    id: `${provider}/${model}${validFromMs === null ? '' : `@${dateText(validFromMs)}`}`,
    provider,
    model,
    femtoUsdPerToken,
    perRequestNanoUsd: readAmount('per_request_usd', entry.per_request_usd) ?? 0n,
    validFromMs,
    serviceTiers: readTiers(entry.service_tiers ?? {}),
    source,
  };
}

function readTokenPrices(entry: PriceEntry): Record<TokenKind, bigint | null> {
  const price = (kind: TokenKind): bigint | null => readAmount(PRICE_FIELDS[kind], entry[PRICE_FIELDS[kind]]);
  return {
    input: price('input'),
    cachedInput: price('cachedInput'),
    cacheWrite: price('cacheWrite'),
    output: price('output'),
    inputAudio: price('inputAudio'),
    outputAudio: price('outputAudio'),
  };
}

function readTiers(tiers: Readonly<Record<string, { readonly multiplier: string }>>): ReadonlyMap<string, bigint> {
  const multipliers = new Map<string, bigint>();
  for (const [name, { multiplier }] of Object.entries(tiers)) {
    multipliers.set(name, requireAmount(`service_tiers.${name}.multiplier`, multiplier));
  }
  return multipliers;
}

function readAmount(field: string, value: unknown): bigint | null {
  return value === undefined ? null : requireAmount(field, value);
}

function requireAmount(field: string, value: unknown): bigint {
  const amount = typeof value === 'string' ? parseDecimal(value, PLACES) : null;
  if (amount === null) {
    throw new Error(`${field}: must be a plain decimal string such as "0.20", not negative, with at most 9 decimals`);
  }
  return amount;
}

function requireText(field: string, value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '') throw new Error(`${field}: must not be empty`);
  return value;
}

function readTime(field: string, value: unknown): number {
  const text = typeof value === 'string' && (DAY.test(value) || TIME.test(value)) ? value : '';
  const day = text.slice(0, 10);
  const ms = Date.parse(text);
  // Date.parse takes 30 February for 2 March.
  if (Number.isNaN(ms) || dateText(Date.parse(day)) !== day) {
    throw new Error(`${field}: must be a day such as 2026-11-01 (UTC), or a time with its zone`);
  }
  return ms;
}

function dateText(ms: number): string {
  const text = new Date(ms).toISOString();
  return ms % MS_PER_DAY === 0 ? text.slice(0, 10) : text;
}
