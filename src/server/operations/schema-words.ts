import Type, { type TSchema } from 'typebox';

/** The words that the shapes of the management API are made of. A schema with an `$id` is a component of the document. */

export const count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) });

export const text = (description?: string) => Type.String(description === undefined ? {} : { description });

export const nullable = (schema: TSchema) => Type.Union([schema, Type.Null()]);

export const maybeText = (description?: string) =>
  Type.Union([Type.String(), Type.Null()], description === undefined ? {} : { description });

/** Times in answers are always UTC with milliseconds. */
export const time = (description?: string) =>
  Type.String({ format: 'date-time', ...(description === undefined ? {} : { description }) });

export const maybeTime = (description?: string) =>
  Type.Union([Type.String({ format: 'date-time' }), Type.Null()], description === undefined ? {} : { description });

/** Money: a decimal string with nine places, because a number would become a float. */
export const usd = (description?: string) =>
  Type.String({ pattern: '^-?\\d+\\.\\d{9}$', ...(description === undefined ? {} : { description }) });

export const words = (values: readonly string[], description?: string) =>
  Type.Unsafe<string>({
    type: 'string',
    enum: [...values],
    ...(description === undefined ? {} : { description }),
  });

/** A list parameter; its values may be repeated or parted by commas. */
export const wordList = (values: readonly string[], description: string) => Type.Array(words(values), { description });
export const textList = (description: string) => Type.Array(Type.String(), { description });

export const labels = (description: string) => Type.Record(Type.String(), Type.String(), { description });

/** A page of a list. */
export const page = (item: TSchema) =>
  Type.Object({
    data: Type.Array(item),
    next_cursor: maybeText('Give it as `cursor` for the next page; null on the last one.'),
  });
