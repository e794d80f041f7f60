import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** The text of a file of the repository. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/**
 * The cells of all tables of a Markdown text whose first heading is `heading`, as they are written. Cells hold no `|`.
 */
export function tableCells(markdown: string, heading: string): string[][] {
  const tables = markdown.split(/\n\s*\n/).filter((block) => block.startsWith(`| ${heading} |`));
  if (tables.length === 0) throw new Error(`no table begins with the heading "${heading}"`);
  return tables.flatMap((table) => table.trimEnd().split('\n').slice(2).map(cellsOf));
}

function cellsOf(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
