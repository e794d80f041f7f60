import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ConfigField, listFields } from '../../src/config/describe.ts';
import { loadConfig } from '../../src/config/load.ts';
import { pathText } from '../../src/config/setting-path.ts';
import { SHORTCUTS } from '../../src/config/shortcuts.ts';

const docs = readText('docs/configuration.md');
const ENV = { OPENAI_API_KEY: 'sk-from-the-environment', CI_KEY: 'a-key-of-the-environment' };

describe('docs/configuration.md', () => {
  it('has one row for each field of the schema, with its type, default and meaning, and no other', () => {
    expect(tableRows('| field |')).toEqual(inDocumentOrder(listFields().map(fieldRow)));
  });

  it('has one row for each environment shortcut and no other', () => {
    const rows = SHORTCUTS.map(({ name, path, secret, fallback }) => {
      const fromFile = secret ? `\`${name}_FILE\`` : 'no';
      return `| \`${name}\` | \`${pathText(path)}\` | ${fromFile} | ${fallback === undefined ? '–' : `\`${fallback}\``} |`;
    });
    expect(tableRows('| variable |')).toEqual(rows);
  });

  it('has YAML that loads', () => {
    const blocks = [...docs.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1] ?? '');
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(() => load(block), block).not.toThrow();
  });
});

describe('config/metertap.example.yaml', () => {
  it('loads', () => {
    const config = load(readText('config/metertap.example.yaml'));
    expect(config.upstreams.map((upstream) => upstream.name)).toEqual(['openai', 'local-vllm']);
    expect(config.keys[0]?.key).toBe(ENV.CI_KEY);
  });
});

describe('descriptions', () => {
  it('are there for every field', () => {
    const bare = listFields().filter((field) => field.description === '' || field.type === '');
    expect(bare.map((field) => field.path)).toEqual([]);
  });
});

function readText(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

function load(yaml: string) {
  return loadConfig({ path: 'sample.yaml', env: ENV, readFile: () => yaml });
}

function fieldRow({ path, type, defaultText, description }: ConfigField): string {
  return `| \`${path}\` | ${type} | ${defaultText} | ${description} |`;
}

/** The rows of all tables whose heading begins so. */
function tableRows(heading: string): string[] {
  const tables = docs.split('\n\n').filter((block) => block.startsWith(heading));
  return tables.flatMap((table) => table.trimEnd().split('\n').slice(2));
}

/** Sections may stand in another order than in the schema: brings `rows` into that of the document where it has them. */
function inDocumentOrder(rows: readonly string[]): string[] {
  const order = tableRows('| field |');
  const known = rows.filter((row) => order.includes(row));
  const missing = rows.filter((row) => !order.includes(row));
  return [...known.toSorted((one, other) => order.indexOf(one) - order.indexOf(other)), ...missing];
}
