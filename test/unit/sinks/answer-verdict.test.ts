import { describe, expect, it } from 'vitest';
import { retryAfterMs, verdictOf } from '../../../src/sinks/answer-verdict.ts';
import { EVENT_SHAPES } from '../../../src/sinks/event-shapes.ts';

const NOW_MS = Date.parse('2026-11-22T12:00:00.000Z');

describe('retryAfterMs', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Sun, 22 Nov 2026 12:00:30 GMT', 30_000],
    ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
    ['99999999', 3_600_000],
    ['soon', null],
    ['', null],
    [null, null],
  ])('reads %j as %j', (header, expected) => {
    expect(retryAfterMs(header, NOW_MS)).toBe(expected);
  });
});

describe('verdictOf', () => {
  it('takes the answer that an event is known already for a success', () => {
    const lago = {
      status: 422,
      retryAfter: null,
      text: '{"status":422,"code":"validation_errors","error_details":{"transaction_id":["value_already_exist"]}}',
    };
    expect(verdictOf(lago, EVENT_SHAPES.lago.alreadyTaken, NOW_MS)).toEqual({ kind: 'taken' });
    expect(verdictOf(lago, undefined, NOW_MS)).toMatchObject({ kind: 'refused' });
    const stripe = { status: 400, retryAfter: null, text: 'An event already exists with identifier 01A.' };
    expect(verdictOf(stripe, EVENT_SHAPES.stripe.alreadyTaken, NOW_MS)).toEqual({ kind: 'taken' });
  });
});
