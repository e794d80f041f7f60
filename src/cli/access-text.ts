import { listOf, memberOf } from './management-client.ts';
import { type Column, cellText, textTable } from './text-table.ts';

const member = (title: string, name: string): Column<unknown> => ({
  title,
  textOf: (row) => cellText(memberOf(row, name)),
});

const KEY_COLUMNS: readonly Column<unknown>[] = [
  member('KEY', 'id'),
  member('TEAM', 'team'),
  member('STATUS', 'status'),
  member('SOURCE', 'source'),
  { title: 'SCOPES', textOf: (row) => cellText(listOf(row, 'scopes').join(',')) },
  member('EXPIRES', 'expires_at'),
  member('LAST USED', 'last_used_at'),
  member('VALUE', 'redacted_value'),
];

const TEAM_COLUMNS: readonly Column<unknown>[] = [
  member('TEAM', 'id'),
  member('NAME', 'name'),
  member('SOURCE', 'source'),
  { title: 'LIMITS', isNumber: true, textOf: (row) => String(listOf(row, 'limits').length) },
  member('CREATED', 'created_at'),
];

/** A page of keys, for people. */
export function describeKeys(page: unknown): string {
  return describePage(page, { columns: KEY_COLUMNS, none: 'No keys.\n' });
}

/** A page of teams, for people. */
export function describeTeams(page: unknown): string {
  return describePage(page, { columns: TEAM_COLUMNS, none: 'No teams.\n' });
}

/** One team or key with all that is set of it, a line for each. */
export function describeOne(row: unknown): string {
  const shown = Object.entries(typeof row === 'object' && row !== null ? row : {}).filter(
    ([name]) => name !== 'secret',
  );
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${valueText(value)}\n`).join('');
}

/** The secret of a key that has just been made; empty where the answer has none. */
export function describeSecret(answer: unknown): string {
  const secret = memberOf(answer, 'secret');
  if (typeof secret !== 'string') return '';
  return `\nsecret: ${cellText(secret)}\nIt is shown this once only, and kept nowhere: store it now.\n`;
}

function describePage(page: unknown, { columns, none }: { columns: readonly Column<unknown>[]; none: string }): string {
  const rows = listOf(page, 'data');
  if (rows.length === 0) return none;
  const cursor = memberOf(page, 'next_cursor');
  return textTable(rows, columns) + (typeof cursor === 'string' ? `More: --cursor ${cellText(cursor)}\n` : '');
}

function valueText(value: unknown): string {
  return cellText(typeof value === 'object' && value !== null ? JSON.stringify(value) : value);
}
