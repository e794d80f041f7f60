import { describe, expect, it } from 'vitest';
import { detailCountOf } from '../../../src/metering/detail-counts.ts';
import { unitsAsked, unitsOf } from '../../../src/metering/units.ts';
import { callUsage } from '../../support/call-record.ts';

describe('units', () => {
  it.each([
    ['images/generations', {}, 1],
    ['images/generations', { n: 3 }, 3],
    ['images/edits', { n: '4' }, 4],
    ['images/edits', { n: '' }, 1],
    ['images/generations', { n: -2 }, 1],
    ['images/generations', { n: 1.5 }, 1],
    ['images/generations', { n: 1e9 }, 1],
    ['audio/speech', { input: 'naïve 🦉' }, 7],
    ['audio/speech', { input: 7 }, null],
    ['chat/completions', { n: 2, input: 'text' }, null],
  ])('of a request to %s with %j are %s', (endpoint, request, expected) => {
    expect(unitsAsked(endpoint, request)).toBe(expected);
  });

  it('of a transcription are the seconds that were reported', () => {
    expect(unitsOf('audio/transcriptions', null, callUsage({ details: { seconds: 7.6 } }))).toBe(8);
    expect(unitsOf('audio/transcriptions', null, callUsage())).toBeNull();
    expect(unitsOf('audio/translations', null, null)).toBeNull();
    expect(unitsOf('images/edits', 2, null)).toBe(2);
  });
});

describe('detailCountOf', () => {
  it.each([
    [{ web_search_requests: 3 }, 3],
    [{ num_search_queries: 2 }, 2],
    [{ web_search_requests: 3, num_search_queries: 2 }, 3],
    [{}, 0],
    [{ web_search_requests: 0.5 }, 0],
    [{ web_search_requests: 1e13 }, 0],
    [{ web_search_requests: 'many' }, 0],
  ])('reads the web searches of %j as %s', (details, expected) => {
    expect(detailCountOf(details, 'web_searches')).toBe(expected);
  });
});
