import type { ComponentChildren } from 'preact';

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => ComponentChildren;
  readonly numeric?: boolean;
  /** The column that names the row. */
  readonly names?: boolean;
  /** Left out where there is little room. */
  readonly wide?: boolean;
  readonly class?: string;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly showCaption?: boolean;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly id?: string;
}

/** A table that scrolls within itself where the page is narrow. */
export function Table<Row>({ caption, showCaption = false, columns, rows, keyOf, id }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by keyboard
    <section class="table-box" tabIndex={0} aria-label={caption}>
      <table id={id}>
        <caption class={showCaption ? '' : 'visually-hidden'}>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" class={classOf(column)}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>{columns.map((column) => cellOf(column, row))}</tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function cellOf<Row>(column: Column<Row>, row: Row) {
  const content = column.cell(row);
  if (column.names !== true) {
    return (
      <td key={column.head} class={classOf(column)}>
        {content}
      </td>
    );
  }
  return (
    <th key={column.head} scope="row" class={classOf(column)}>
      {content}
    </th>
  );
}

function classOf<Row>({ numeric, wide, class: own }: Column<Row>): string {
  return [numeric === true ? 'numeric' : '', wide === true ? 'wide' : '', own ?? '']
    .filter((name) => name !== '')
    .join(' ');
}
