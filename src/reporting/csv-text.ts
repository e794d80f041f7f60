/** What a cell can hold; null is an empty cell, which an empty text (`""`) is not. */
export type CsvValue = string | number | boolean | null;

/** A column of a file: its name, and its value for a row. */
export interface CsvColumn<Row> {
  readonly name: string;
  readonly value: (row: Row) => CsvValue;
}

/** What a spreadsheet may take for the beginning of a formula (OWASP, "CSV Injection"), and our own mark. */
const RISKY_START = /^[=+\-@\t\r\n＝＋－＠']/;
const PLAIN_NUMBER = /^-?\d+(?:\.\d+)?$/;
const NEEDS_QUOTES = /[",\r\n]/;

/** The line of names. */
export function csvHeader(names: readonly string[]): string {
  return csvLine(names.map(quoted));
}

/**
 * Writes a row as a line of RFC 4180. Texts that a spreadsheet could take for a formula get an apostrophe before them,
 * if they may be changed; the cell `changed` is then given the names of their columns, so that no value is changed
 * silently and each can be had back by taking one apostrophe away.
 */
export function csvRow<Row>(row: Row, columns: readonly CsvColumn<Row>[], options: CsvRowOptions): string {
  const changed: string[] = [];
  const cells = columns.map(({ name, value }) => {
    if (name === options.changedColumn) return CHANGED;
    const given = value(row);
    if (typeof given !== 'string') return given === null ? '' : String(given);
    if (options.keepsFormulas || !isRisky(given)) return quoted(given);
    changed.push(name);
    return quoted(`'${given}`);
  });
  return csvLine(cells.map((cell) => (cell === CHANGED ? changed.join(' ') : cell)));
}

export interface CsvRowOptions {
  /** Leaves every text as it is. */
  readonly keepsFormulas: boolean;
  /** The column that tells which texts have been changed. */
  readonly changedColumn: string;
}

/** Stands for a cell that is known when all others are; no cell of a CSV file can be it. */
const CHANGED = '\n';

function isRisky(text: string): boolean {
  return RISKY_START.test(text) && !PLAIN_NUMBER.test(text);
}

function quoted(text: string): string {
  return text === '' || NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvLine(cells: readonly string[]): string {
  return `${cells.join(',')}\r\n`;
}
