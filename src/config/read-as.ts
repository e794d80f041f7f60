import type { TSchema } from 'typebox';
import { schemaTypes } from './schema-node.ts';

const NUMBER = /^-?\d+(?:\.\d+)?$/;
const WORDS = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/**
 * Reads a text that came from the environment as the number, boolean or null that `schema` wants; leaves it a text
 * where the schema wants a text or the text reads as nothing else.
 */
export function readAs(schema: TSchema, text: string): unknown {
  const types = schemaTypes(schema);
  if (types.includes('string')) return text;
  if ((types.includes('integer') || types.includes('number')) && NUMBER.test(text)) return Number(text);
  const isWord = WORDS.has(text) && types.includes(text === 'null' ? 'null' : 'boolean');
  return isWord ? WORDS.get(text) : text;
}
