import { describe, expect, it } from 'vitest';
import { sampleOf } from '../../../src/simulator/schema-sample.ts';

describe('sampleOf', () => {
  it.each([
    [{ type: 'string' }, 'sim'],
    [{ type: 'string', minLength: 5 }, 'simxx'],
    [{ type: 'string', enum: ['a', 'b'] }, 'a'],
    [{ const: 7 }, 7],
    [{ type: 'number' }, 1],
    [{ type: 'integer', minimum: 10 }, 10],
    [{ type: 'boolean' }, true],
    [{ type: 'null' }, null],
    [{ type: ['null', 'integer'] }, 1],
    [{ anyOf: [{ type: 'null' }, { type: 'boolean' }] }, true],
    [{ type: 'array', items: { type: 'number' } }, [1]],
    [{ properties: { a: { type: 'number' }, b: {} }, required: ['a'] }, { a: 1 }],
    [{ $ref: '#/$defs/City', $defs: { City: { type: 'object', required: ['name'] } } }, { name: 'sim' }],
    [true, 'sim'],
  ])('%j', (schema, expected) => {
    expect(sampleOf(schema)).toEqual(expected);
  });

  it('ends with a schema that holds itself', () => {
    const sample = sampleOf({ type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] });
    expect(JSON.stringify(sample).length).toBeLessThan(200);
  });
});
