import { describe, expect, it } from 'vitest';
import { ERROR_KINDS, type ErrorKind } from '../../src/core/errors.ts';
import { readText, tableCells } from './repository.ts';

const DOCUMENTED = tableCells(readText('docs/errors.md'), 'code');
const KINDS: [string, ErrorKind][] = Object.entries(ERROR_KINDS);

describe('docs/errors.md', () => {
  it('has one row for each code, with its status, type, source and retry, and no other', () => {
    const expected = KINDS.map(([code, kind]) => [
      `\`${code}\``,
      String(kind.status),
      kind.type,
      kind.source,
      kind.heals ? 'yes' : 'no',
    ]);
    expect(DOCUMENTED.map((cells) => cells.slice(0, 5)).toSorted(byCode)).toEqual(expected.toSorted(byCode));
  });

  it.each(DOCUMENTED)('%s says when it comes and what to do', (...cells) => {
    expect(cells).toHaveLength(7);
    expect(cells[5]).not.toBe('');
    expect(cells[6]).not.toBe('');
  });
});

function byCode(a: readonly string[], b: readonly string[]): number {
  return String(a[0]).localeCompare(String(b[0]));
}
