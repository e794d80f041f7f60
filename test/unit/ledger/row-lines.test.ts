import { describe, expect, it } from 'vitest';
import { lineOf, rowsBookedTogether } from '../../../src/ledger/row-lines.ts';
import { callRecord, openCallRecord } from '../../support/call-record.ts';

/** What is read, by step and id. */
function read(...lines: readonly string[]): string[] {
  return rowsBookedTogether(lines, 'one').map(({ step, columns }) => `${step} ${columns[0]}`);
}

const open = (id: string): string => lineOf('open', openCallRecord({ id }));
const finish = (id: string): string => lineOf('finish', callRecord({ id }));

describe('lines that are booked together', () => {
  it('have the openings of calls without an end among them, and all ends, in their order', () => {
    expect(read(open('a'), open('b'), finish('a'), open('c'), finish('z'), finish('c'))).toEqual([
      'open b',
      'finish a',
      'finish z',
      'finish c',
    ]);
  });

  it('have the opening of a call whose end cannot be read', () => {
    const rows = rowsBookedTogether([open('a'), 'f["a",'], 'one');
    expect(rows.map(({ step, fault }) => [step, fault === null])).toEqual([
      ['open', true],
      ['finish', false],
    ]);
  });

  it('tell ids apart that begin alike, also by characters that JSON escapes', () => {
    expect(read(open('a'), finish('ab'))).toEqual(['open a', 'finish ab']);
    expect(read(open('a"b'), finish('a\\'))).toEqual(['open a"b', 'finish a\\']);
    expect(read(open('é'), finish('é'))).toEqual(['finish é']);
  });

  it('have an opening that cannot be read, with the reason', () => {
    expect(rowsBookedTogether(['o{}', 'o', 'o["a'], 'one').map(({ fault }) => fault === null)).toEqual([
      false,
      false,
      false,
    ]);
  });
});
