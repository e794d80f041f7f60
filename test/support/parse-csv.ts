/**
 * Reads CSV as RFC 4180 has it: every line ends with CRLF, cells with commas, quotes or line breaks are quoted. Throws
 * for anything else. An empty cell is null, an empty text is `""`.
 */
export function parseCsv(text: string): (string | null)[][] {
  const rows: (string | null)[][] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  let row: (string | null)[] = [];
  let at = 0;
  while (at < text.length) {
    cell.lastIndex = at;
    const match = cell.exec(text);
    if (match === null) throw new Error(`no CSV at ${at}: ${JSON.stringify(text.slice(at, at + 60))}`);
    const [whole, quoted, bare = '', end] = match;
    row.push(quoted === undefined ? bare || null : quoted.replaceAll('""', '"'));
    at += whole.length;
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  if (row.length > 0) throw new Error('the last line has no end');
  return rows;
}

/** The rows below the header, by the names of the header. Throws where a row has another number of cells. */
export function csvObjects(text: string): Record<string, string | null>[] {
  const [names = [], ...rows] = parseCsv(text);
  return rows.map((row) => {
    if (row.length !== names.length) throw new Error(`a row has ${row.length} cells, not ${names.length}`);
    return Object.fromEntries(names.map((name, index) => [String(name), row[index] ?? null]));
  });
}
