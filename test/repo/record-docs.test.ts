import { describe, expect, it } from 'vitest';
import { COUNT_NAMES } from '../../src/metering/usage.ts';
import { isNode, nodesOf, parseModule, type SyntaxNode, walk } from './architecture/syntax.ts';
import { readText, tableCells } from './repository.ts';

const DOCS = readText('docs/record.md');
const RECORD_SOURCE = readText('src/ledger/record.ts');

/** The words of the docs for the types of the source. */
const TYPE_WORDS: Readonly<Record<string, string>> = {
  '1': 'integer',
  number: 'integer',
  string: 'string',
  boolean: 'boolean',
  Ending: 'string',
  UsageSource: 'string',
  Usage: 'object',
  'Readonly<Record<string, string>>': 'object of strings',
  'Readonly<Record<string, unknown>>': 'object',
};

async function declarationOf(name: string): Promise<SyntaxNode> {
  let found: SyntaxNode | null = null;
  walk(await parseModule(RECORD_SOURCE), (node) => {
    const id = node['id'];
    if (node.type.startsWith('TS') && isNode(id) && id['name'] === name) found = node;
  });
  if (found === null) throw new Error(`src/ledger/record.ts declares no ${name}`);
  return found;
}

/** The members of an interface: name, and type in the words of the docs. */
async function fieldsOf(name: string): Promise<string[][]> {
  const declaration = await declarationOf(name);
  const body = declaration['body'];
  if (!isNode(body)) throw new Error(`${name} is no interface`);
  return nodesOf(body['body']).map((member) => {
    const text = RECORD_SOURCE.slice(member.start, Number(member['end']));
    const [, field, type] = /^readonly (\w+): (.*);$/s.exec(text) ?? [];
    const words = type?.split(' | ').map((part) => (part === 'null' ? 'null' : (TYPE_WORDS[part] ?? part)));
    return [`\`${field}\``, words?.join(' or ') ?? ''];
  });
}

describe('docs/record.md', () => {
  it('has one row for each field of the record, with its type, in their order, and no other', async () => {
    expect(tableCells(DOCS, 'field').map((cells) => cells.slice(0, 2))).toEqual(await fieldsOf('CallRecord'));
  });

  it('has one row for each ending and no other', async () => {
    const declaration = await declarationOf('Ending');
    const text = RECORD_SOURCE.slice(declaration.start, Number(declaration['end']));
    const endings = [...text.matchAll(/'(\w+)'/g)].map(([, ending]) => `\`${ending}\``);
    expect(endings.length).toBeGreaterThan(0);
    expect(tableCells(DOCS, 'ending').map(([ending]) => ending)).toEqual(endings);
  });

  it('has one row for each count and no other', () => {
    expect(tableCells(DOCS, 'count').map(([count]) => count)).toEqual(COUNT_NAMES.map((name) => `\`${name}\``));
  });

  it('says what every field, ending and count means', () => {
    const meanings = ['field', 'ending', 'count'].flatMap((heading) => tableCells(DOCS, heading)).map((c) => c.at(-1));
    expect(meanings.filter((meaning) => meaning === undefined || meaning.length < 4)).toEqual([]);
  });
});
