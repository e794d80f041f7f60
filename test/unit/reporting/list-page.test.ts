import { describe, expect, it } from 'vitest';
import { Cursors, pageOf } from '../../../src/reporting/list-page.ts';

describe('cursors', () => {
  const cursors = new Cursors(['runs', { team: 'research' }]);

  it('give back the position that was written', () => {
    expect(cursors.read(cursors.write(['12', 'research', 'läuft/1']))).toEqual(['12', 'research', 'läuft/1']);
  });

  it('have nothing that a query would have to escape', () => {
    expect(cursors.write(['a+b/c=d', 'ÿÿÿ'])).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it('do not go on in another query', () => {
    const cursor = new Cursors(['runs', { team: 'other' }]).write(['12']);
    expect(() => cursors.read(cursor)).toThrow(expect.objectContaining({ code: 'invalid_parameter', param: 'cursor' }));
  });

  it.each(['', 'x', '%%%', 'bnVsbA', Buffer.from('{"0":1}').toString('base64url'), 'WzEsMl0'])('are not %j', (text) => {
    expect(() => cursors.read(text)).toThrow(expect.objectContaining({ code: 'invalid_parameter' }));
  });

  it('are given only where a further row was read', () => {
    const page = { limit: 2, position: null, cursors };
    expect(pageOf(['a', 'b'], page, (row) => [row])).toEqual({ data: ['a', 'b'], next_cursor: null });
    const { data, next_cursor } = pageOf(['a', 'b', 'c'], page, (row) => [row]);
    expect(data).toEqual(['a', 'b']);
    expect(cursors.read(next_cursor ?? '')).toEqual(['b']);
    expect(pageOf([], page, () => [''])).toEqual({ data: [], next_cursor: null });
  });
});
