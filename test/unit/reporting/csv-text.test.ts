import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CsvColumn, type CsvValue, csvHeader, csvRow } from '../../../src/reporting/csv-text.ts';
import { csvObjects } from '../../support/parse-csv.ts';

type Row = Readonly<Record<string, CsvValue>>;
const column = (name: string): CsvColumn<Row> => ({ name, value: (row) => row[name] ?? null });
const COLUMNS = ['a', 'b', 'c', 'changed'].map(column);
const HEADER = csvHeader(COLUMNS.map(({ name }) => name));

function read(row: Row, keepsFormulas: boolean): Record<string, string | null> {
  const [first, ...rest] = csvObjects(HEADER + csvRow(row, COLUMNS, { keepsFormulas, changedColumn: 'changed' }));
  if (first === undefined || rest.length > 0) throw new Error('one row was written');
  return first;
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('=', '+', '-', '@', "'", '"', ',', '\r', '\n', '\t', '1', 'a') }),
);

describe('csvRow', () => {
  it('gives every text back as it was, where texts are kept', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(read({ a, b, c: null }, true)).toEqual({ a, b, c: null, changed: null });
      }),
    );
  });

  it('otherwise writes nothing that a spreadsheet could run, and says how to have each text back', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        const { changed, ...cells } = read({ a, b, c: null }, false);
        const names = changed?.split(' ') ?? [];
        for (const [name, given] of Object.entries({ a, b })) {
          const cell = cells[name] ?? '';
          expect(names.includes(name) ? cell.slice(1) : cell).toBe(given);
          expect(/^[=+\-@\t\r\n]/.test(cell) && !/^-?\d+(\.\d+)?$/.test(cell)).toBe(false);
        }
      }),
    );
  });

  it('tells nothing from the empty text, and leaves numbers alone', () => {
    expect(csvRow({ a: null, b: '', c: -1.5 }, COLUMNS, { keepsFormulas: false, changedColumn: 'changed' })).toBe(
      ',"",-1.5,\r\n',
    );
    expect(read({ a: '-0.002', b: true, c: '-x' }, false)).toEqual({ a: '-0.002', b: 'true', c: "'-x", changed: 'c' });
  });
});
