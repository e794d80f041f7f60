import { expect, it } from 'vitest';
import { headerLines, requestHead } from '../../../src/server/http1/request-head.ts';

const REQUEST = {
  method: 'POST',
  path: '/v1/x',
  headers: ['A', '1', 'b', '2'],
  isStrict: true,
  body: Buffer.from('{}'),
};

it('writes lines that were made before in place of the headers, and the same bytes', () => {
  const known = headerLines(REQUEST.headers);
  expect(known).toBe('A: 1\r\nb: 2\r\n');
  expect(requestHead({ ...REQUEST, headerLines: known }, 'h')).toBe(requestHead(REQUEST, 'h'));
  expect(requestHead({ ...REQUEST, headers: [], headerLines: known }, 'h')).toBe(requestHead(REQUEST, 'h'));
});

it('takes no lines for headers that nobody has checked', () => {
  const request = { ...REQUEST, isStrict: false, headerLines: 'x: y\r\n' };
  expect(requestHead(request, 'h')).toBe(requestHead(REQUEST, 'h'));
  expect(() => requestHead({ ...request, headers: ['a', 'b\r\nc: d'] }, 'h')).toThrow(/header/);
});
