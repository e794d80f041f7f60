import type { SQLOutputValue } from 'node:sqlite';
import { LedgerError } from './ledger-error.ts';

/** One row as SQLite gives it. The functions below read its values and refuse what the schema does not allow. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

export function textOrNull(row: Row, name: string): string | null {
  const value = row[name];
  if (value === null || typeof value === 'string') return value;
  throw unexpected(name);
}

export function text(row: Row, name: string): string {
  const value = row[name];
  if (typeof value === 'string') return value;
  throw unexpected(name);
}

export function integerOrNull(row: Row, name: string): number | null {
  const value = row[name];
  if (value === null || typeof value === 'number') return value;
  throw unexpected(name);
}

export function integer(row: Row, name: string): number {
  const value = row[name];
  if (typeof value === 'number') return value;
  throw unexpected(name);
}

/** An integer of a statement that reads them as bigints. */
export function bigint(row: Row, name: string): bigint {
  const value = row[name];
  if (typeof value === 'bigint') return value;
  throw unexpected(name);
}

/** Reads a row that came as a list. Its types do not tell that it does. */
export function listOf(row: unknown): readonly unknown[] {
  if (Array.isArray(row)) return row;
  throw unexpected('row');
}

export function integerAt(row: readonly unknown[], at: number): number {
  const value = row[at];
  if (typeof value === 'number') return value;
  throw unexpected(`column ${at}`);
}

export function textAt(row: readonly unknown[], at: number): string {
  const value = row[at];
  if (typeof value === 'string') return value;
  throw unexpected(`column ${at}`);
}

/** Reads a column whose text must be one of `allowed`. */
export function oneOf<Value extends string>(row: Row, name: string, allowed: readonly Value[]): Value {
  const value = row[name];
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw unexpected(name);
  return found;
}

/** Reads a JSON object; null where the column is null. */
export function jsonObjectOrNull(row: Row, name: string): Readonly<Record<string, unknown>> | null {
  const json = textOrNull(row, name);
  if (json === null) return null;
  const value: unknown = JSON.parse(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpected(name);
  return { ...value };
}

export function jsonArray(row: Row, name: string): readonly unknown[] {
  const value: unknown = JSON.parse(text(row, name));
  if (!Array.isArray(value)) throw unexpected(name);
  return value;
}

/** Reads a JSON object of strings, such as labels; other members are left out. */
export function jsonStrings(row: Row, name: string): Record<string, string> {
  const members = Object.entries(jsonObjectOrNull(row, name) ?? {});
  return Object.fromEntries(members.filter((member): member is [string, string] => typeof member[1] === 'string'));
}

/** Reads a JSON object of numbers; null where the column is null. */
export function jsonNumbersOrNull(row: Row, name: string): Record<string, number> | null {
  const object = jsonObjectOrNull(row, name);
  if (object === null) return null;
  const members = Object.entries(object);
  return Object.fromEntries(members.filter((member): member is [string, number] => typeof member[1] === 'number'));
}

function unexpected(name: string): LedgerError {
  return new LedgerError('corrupt', `The ledger holds a value in "${name}" that Metertap did not write.`, {
    hint: 'Restore the ledger from a backup, or undo the change that another program made to it.',
  });
}
