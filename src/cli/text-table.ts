/** A column of a table for people. Numbers are set to the right. */
export interface Column<Row> {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly textOf: (row: Row) => string;
}

/** Writes rows under a line of titles, each column as wide as its widest cell. */
export function textTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ textOf }) => textOf(row)))];
  const widths = columns.map((_column, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  const lines = cells.map((line) =>
    line
      .map((cell, at) => (columns[at]?.isNumber ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

const CONTROL = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A JSON value as a cell: what upstreams and clients named must not steer the terminal. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  return String(value).replace(CONTROL, '?');
}
