import Type, { type TProperties, type TSchema } from 'typebox';
import { isUsableId } from '../core/ids.ts';

/**
 * The kinds of setting that the schema is made of. Beside JSON Schema's own keywords each field carries what the
 * loader, the redaction and the docs need, so that nothing about a field is said twice:
 *
 * - `expects`: what a right value is, as it follows "must be"; also the type in docs/configuration.md
 * - `hint`: how to write it right, where that is not plain from `expects`
 * - `secret`: `'whole'` (never shown) or `'url'` (shown without its password)
 * - `needsRestart`: a reload cannot change it
 * - `uniqueBy` (lists): members in which no two entries may be equal
 * - `uniqueTogether` (lists): members that no two entries may have equal all at once
 * - `defaultText`: a default that is worked out rather than fixed
 * - `sharedName` (entries): used in several places, described once under this name
 * - `memberNames` (maps): which names may stand in it
 */
export interface FieldOptions {
  readonly description: string;
  readonly default?: unknown;
  readonly expects?: string;
  readonly hint?: string;
  readonly secret?: 'whole' | 'url';
  readonly needsRestart?: true;
  readonly defaultText?: string;
}

interface NumberRange {
  readonly minimum: number;
  readonly maximum?: number;
}

/** Timers of Node.js hold 32 bits; a longer delay would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** What may stand in an HTTP header as a credential. */
export const VISIBLE_ASCII = '^[\\x21-\\x7e]+$';

/** An object of the file that is there, with its defaults, even when it is not written. */
export function section<Properties extends TProperties>(description: string, properties: Properties) {
  return Type.Object(properties, { additionalProperties: false, default: {}, description, expects: 'a mapping' });
}

/** One entry of a list. */
export function entry<Properties extends TProperties>(
  expects: string,
  properties: Properties,
  options: { readonly sharedName?: string } = {},
) {
  return Type.Object(properties, { additionalProperties: false, expects, ...options });
}

export function list<Items extends TSchema>(
  items: Items,
  options: FieldOptions & { uniqueBy?: readonly string[]; uniqueTogether?: readonly string[] },
) {
  return Type.Array(items, { expects: 'a list', ...options });
}

export function nonEmptyList<Items extends TSchema>(
  items: Items,
  options: FieldOptions & { uniqueBy?: readonly string[] },
) {
  return Type.Refine(
    list(items, { expects: 'a list of at least one entry', ...options }),
    (entries) => Array.isArray(entries) && entries.length > 0,
    () => '',
  );
}

export function text(options: FieldOptions & { pattern?: string; minLength?: number }) {
  return Type.String({ minLength: 1, expects: 'text', ...options });
}

/** Text that only `isRight` can judge. */
export function checkedText(isRight: (value: string) => boolean, options: FieldOptions) {
  return Type.Refine(Type.String({ ...options }), isRight);
}

/** What names a team, a key and the like: the same rule as for ids that calls carry. */
export function id(description: string) {
  return checkedText(isUsableId, { description, expects: 'an id of 1 to 256 printable characters' });
}

export function choice<Values extends string[]>(values: readonly [...Values], options: FieldOptions) {
  return Type.Enum(values, { expects: `one of ${values.join(', ')}`, ...options });
}

export function flag(options: FieldOptions) {
  return Type.Boolean({ expects: 'true or false', ...options });
}

export function wholeNumber(options: FieldOptions & NumberRange) {
  return Type.Integer({ expects: `a ${rangeText(options)}`, maximum: Number.MAX_SAFE_INTEGER, ...options });
}

export function wholeNumberOrNull(options: FieldOptions & NumberRange) {
  return Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    expects: `a ${rangeText(options)}, or null`,
    maximum: Number.MAX_SAFE_INTEGER,
    ...options,
  });
}

export function milliseconds(options: FieldOptions & NumberRange) {
  return wholeNumber({ expects: `a ${rangeText(options)} (milliseconds)`, maximum: MAX_TIMER_MS, ...options });
}

/** Prices and budgets: plain decimal notation in a string, because a YAML number would become a float. */
export function decimal(options: FieldOptions) {
  return Type.String({
    pattern: '^[0-9]{1,12}([.][0-9]{1,9})?$',
    expects: 'a decimal number in quotes, at most 9 decimals',
    hint: 'write it in plain digits and in quotes, without sign, exponent or currency, such as "0.20"; what is free is "0"',
    ...options,
  });
}

/** A mapping whose member names are free. */
export function map<Values extends TSchema>(
  values: Values,
  options: FieldOptions & { memberNames?: { pattern: string; expects: string } },
) {
  return Type.Record(Type.String(), values, { expects: 'a mapping', ...options });
}

function rangeText({ minimum, maximum }: NumberRange): string {
  return maximum === undefined ? `whole number from ${minimum}` : `whole number from ${minimum} to ${maximum}`;
}
