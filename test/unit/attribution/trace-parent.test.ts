import { describe, expect, it } from 'vitest';
import { traceIdOf } from '../../../src/attribution/trace-parent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

describe('traceIdOf', () => {
  it.each([
    ['version 00', `00-${TRACE}-${PARENT}-01`, TRACE],
    ['a later version', `01-${TRACE}-${PARENT}-01`, TRACE],
    ['a later version with more fields', `cc-${TRACE}-${PARENT}-01-what-will-be`, TRACE],
    ['version 00 with more fields', `00-${TRACE}-${PARENT}-01-more`, null],
    ['version ff', `ff-${TRACE}-${PARENT}-01`, null],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`, null],
    ['a parent id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`, null],
    ['capital letters', `00-${TRACE.toUpperCase()}-${PARENT}-01`, null],
    ['a short trace id', `00-${TRACE.slice(1)}-${PARENT}-01`, null],
    ['two headers', `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`, null],
    ['nothing', '', null],
  ])('reads %s', (_, header, traceId) => {
    expect(traceIdOf(header)).toBe(traceId);
  });
});
