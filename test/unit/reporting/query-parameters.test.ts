import { describe, expect, it } from 'vitest';
import { MetertapError } from '../../../src/core/errors.ts';
import { readMoment } from '../../../src/reporting/moment.ts';
import { checkRange, QueryParameters } from '../../../src/reporting/query-parameters.ts';

const NAMES = ['a', 'b', 'start_time', 'end_time', 'limit'];

function read(query: unknown): QueryParameters {
  return new QueryParameters(query, NAMES);
}

function refusal(work: () => unknown): MetertapError {
  try {
    work();
  } catch (error) {
    if (error instanceof MetertapError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('moments', () => {
  it.each([
    ['2026-11-22T03:46:32.973Z', '2026-11-22T03:46:32.973Z'],
    ['2026-11-22T03:46:32.973999Z', '2026-11-22T03:46:32.973Z'],
    ['2026-11-22', '2026-11-22T00:00:00.000Z'],
    ['2026-11-22T03:46', '2026-11-22T03:46:00.000Z'],
    ['2026-11-22 03:46:32', '2026-11-22T03:46:32.000Z'],
    ['2026-11-22T03:46:32+02:00', '2026-11-22T01:46:32.000Z'],
    ['2026-11-22T03:46:32 02:00', '2026-11-22T01:46:32.000Z'],
    ['2026-11-22T03:46:32-0530', '2026-11-22T09:16:32.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['0', '1970-01-01T00:00:00.000Z'],
    ['1763783192', '2025-11-22T03:46:32.000Z'],
    ['1763783192.9', '2025-11-22T03:46:32.900Z'],
  ])('reads %s', (text, expected) => {
    expect(new Date(readMoment(text) ?? Number.NaN).toISOString()).toBe(expected);
  });

  it.each([
    'now',
    '-1',
    '1e9',
    '1763783192973', // milliseconds
    '2026-02-30',
    '2025-02-29',
    '2026-13-01',
    '2026-11-22T24:00:00Z',
    '2026-11-22T03:60:00Z',
    '2026-11-22T03:46:32+15:00',
    '0050-01-01',
    '1969-12-31',
    '22.11.2026',
    '2026-11-22T03',
    '２０２６-11-22',
    '',
  ])('does not read %s', (text) => {
    expect(readMoment(text)).toBeNull();
  });
});

describe('query parameters', () => {
  it.each([
    ['repeated', { a: ['x', 'y'] }],
    ['with commas', { a: 'x,y' }],
    ['with brackets', { 'a[]': ['x', 'y'] }],
    ['with numbered brackets', { 'a[0]': 'x', 'a[1]': 'y' }],
    ['in two spellings at once', { a: 'x', 'a[]': 'y' }],
    ['repeated in value', { a: ['x', 'y', 'x'] }],
  ])('reads a list %s', (_spelling, query) => {
    expect(read(query).list('a')).toEqual(['x', 'y']);
  });

  it('does not part a bracketed value at its commas', () => {
    expect(read({ 'a[]': 'x,y' }).list('a')).toEqual(['x,y']);
  });

  it('reads words out of a few in mixed spellings', () => {
    expect(read({ a: ['x,y', 'z'] }).choices('a', ['x', 'y', 'z'])).toEqual(['x', 'y', 'z']);
  });

  it('gives nothing for what is absent', () => {
    const none = read({});
    expect([none.text('a'), none.list('a'), none.moment('a'), none.choice('a', ['x'])]).toEqual([null, [], null, null]);
    expect(none.limit({ fallback: 20, max: 100 })).toBe(20);
    expect(none.range()).toEqual({ startMs: null, endMs: null });
  });

  it('gives a single text as it is, with its commas', () => {
    expect(read({ a: 'x,y' }).text('a')).toBe('x,y');
  });

  it.each([
    ['an unknown name', { colour: 'red' }, 'colour'],
    ['a name of the prototype', { __proto__x: '1' }, '__proto__x'],
    ['an empty value', { a: '' }, 'a'],
    ['a value that is far too long', { a: 'x'.repeat(2_049) }, 'a'],
    ['an object in place of a text', { a: { gt: '5' } }, 'a'],
  ])('refuses %s', (_what, query, param) => {
    const error = refusal(() => read(query));
    expect(error.code).toBe('invalid_parameter');
    expect(error.param).toBe(param);
  });

  it('names what is allowed', () => {
    expect(refusal(() => read({ colour: 'red' })).message).toContain('a, b, start_time, end_time, limit');
    expect(refusal(() => read({ a: 'z' }).choice('a', ['x', 'y'])).message).toContain('x, y');
    expect(refusal(() => read({ a: 'x,z' }).choices('a', ['x', 'y'])).message).toContain('"z"');
  });

  it('refuses a single text that is given twice', () => {
    expect(refusal(() => read({ a: ['x', 'y'] }).text('a')).param).toBe('a');
  });

  it('refuses holes in a list and lists without an end', () => {
    expect(refusal(() => read({ a: 'x,,y' }).list('a')).param).toBe('a');
    const many = Array.from({ length: 201 }, (_, n) => `v${n}`);
    expect(refusal(() => read({ a: many }).list('a')).param).toBe('a');
  });

  it.each(['0', '-1', '101', '1.5', '1e1', 'ten', ' 5', '99999999999999999999'])('refuses limit=%s', (limit) => {
    const error = refusal(() => read({ limit }).limit({ fallback: 20, max: 100 }));
    expect(error.message).toContain('1 to 100');
  });

  it.each(['1', '100'])('takes limit=%s', (limit) => {
    expect(read({ limit }).limit({ fallback: 20, max: 100 })).toBe(Number(limit));
  });

  it('refuses a time that is none', () => {
    const error = refusal(() => read({ start_time: 'yesterday' }).range());
    expect(error.param).toBe('start_time');
    expect(error.message).toContain('ISO 8601');
  });

  it('refuses ranges that are empty, backwards or longer than ten years', () => {
    expect(refusal(() => read({ start_time: '5', end_time: '5' }).range()).code).toBe('invalid_parameter');
    expect(refusal(() => read({ start_time: '6', end_time: '5' }).range()).code).toBe('invalid_parameter');
    expect(refusal(() => read({ start_time: '2010-01-01', end_time: '2020-01-03' }).range()).message).toContain('ten');
    expect(() => checkRange(Date.UTC(2010, 0, 1), Date.UTC(2020, 0, 1))).not.toThrow();
  });
});
