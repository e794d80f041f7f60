import { expect, it } from 'vitest';
import { type RepeatedHead, requestHead } from '../../../src/server/http1/request-head.ts';

const REQUEST = {
  method: 'POST',
  path: '/v1/x',
  headers: ['A', '1', 'b', '2'],
  isStrict: true,
  body: Buffer.from('{}'),
};

it('writes what was made before in place of the same request line and headers, and the same bytes', () => {
  const repeated: RepeatedHead = { opening: null };
  const head = requestHead(REQUEST, 'h');
  expect(head).toBe(
    'POST /v1/x HTTP/1.1\r\nhost: h\r\nconnection: keep-alive\r\nA: 1\r\nb: 2\r\ncontent-length: 2\r\n\r\n',
  );
  expect(requestHead({ ...REQUEST, repeated }, 'h')).toBe(head);
  expect(repeated.opening).not.toBeNull();
  expect(requestHead({ ...REQUEST, headers: [], repeated }, 'h')).toBe(head);
  expect(requestHead({ ...REQUEST, body: Buffer.alloc(1234), repeated }, 'h')).toBe(
    head.replace(': 2\r\n\r\n', ': 1234\r\n\r\n'),
  );
});

it('takes nothing made before for headers that nobody has checked, and keeps nothing of them', () => {
  const request = { ...REQUEST, isStrict: false, repeated: { opening: 'x: y\r\n' } };
  expect(requestHead(request, 'h')).toBe(requestHead(REQUEST, 'h'));
  expect(() => requestHead({ ...request, headers: ['a', 'b\r\nc: d'] }, 'h')).toThrow(/header/);
  const repeated: RepeatedHead = { opening: null };
  requestHead({ ...REQUEST, isStrict: false, repeated }, 'h');
  expect(repeated.opening).toBeNull();
});

it('keeps nothing of a request that cannot be written', () => {
  const repeated: RepeatedHead = { opening: null };
  for (let i = 0; i < 2; i++) expect(() => requestHead({ ...REQUEST, path: '/a b', repeated }, 'h')).toThrow(/path/);
  expect(repeated.opening).toBeNull();
});
