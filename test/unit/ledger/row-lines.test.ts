import { describe, expect, it } from 'vitest';
import { columnsOfRecord } from '../../../src/ledger/record-columns.ts';
import { lineOf, rowsBookedTogether, rowsOfLines } from '../../../src/ledger/row-lines.ts';
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

describe('a line', () => {
  it.each([
    ['none', null],
    ['an empty one', {}],
    ['one with all that separates', { note: 'a\u001e\u001f\n\t"\\\u2028\ud800', 'k\u001f': [1.5, null] }],
  ])('gives the values of a record back, whose usage object is %s', (_, usageRaw) => {
    const record = callRecord({ agent: 'a\u001e\u001f\n', usage_raw: usageRaw });
    const [row] = rowsOfLines(lineOf('finish', record), { instanceId: 'one', sequence: 7 });
    expect(row).toMatchObject({ step: 'finish', sequence: 7, fault: null, columns: columnsOfRecord(record) });
  });

  it('of an opening is an array of its values and nothing else, which is kept as it is', () => {
    const record = openCallRecord({ usage_raw: { total_tokens: 1 } });
    const values: unknown = JSON.parse(lineOf('open', record).slice(1));
    expect(values).toEqual(columnsOfRecord(record).slice(0, Array.isArray(values) ? values.length : 0));
  });

  it('of an earlier version has the usage object among its values', () => {
    const record = callRecord({ usage_raw: { total_tokens: 1500 } });
    const [row] = rowsOfLines(`f${JSON.stringify(columnsOfRecord(record))}`, { instanceId: 'one', sequence: 0 });
    expect(row).toMatchObject({ fault: null, columns: columnsOfRecord(record) });
  });
});
