import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBreaches } from './architecture/rules.ts';

const SOURCE_FOLDER = join(import.meta.dirname, '../../src');

async function readTree(): Promise<Map<string, string>> {
  const entries = await readdir(SOURCE_FOLDER, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(SOURCE_FOLDER.length + 1).replaceAll('\\', '/');
    return [name, await readFile(path, 'utf8')] as const;
  });
  return new Map(await Promise.all(texts));
}

it('the sources keep the rules of the house', async () => {
  const tree = await readTree();
  expect(tree.size).toBeGreaterThan(20);
  expect(await findBreaches(tree)).toEqual([]);
});

/** Two rooms and the process edge, without a fault. */
const GOOD: Readonly<Record<string, string>> = {
  'core/README.md': '# core',
  'core/money.ts': 'export const NANO = 1n;',
  'server/README.md': '# server',
  'server/reply.ts': `import { fastify } from 'fastify';
    import { createHash } from 'node:crypto';
    import { NANO } from '../core/money.ts';
    const text = "import './nowhere.ts'; process.exit()"; // import '../cli/x.ts'
    const pattern = /import "\\.\\.\\/cli"/;
    export const reply = { process: 1, console: 2, fastify, createHash, NANO, text, pattern };
    export const copy = reply.process + reply.console;`,
  'main.ts': `import { reply } from './server/reply.ts';
    process.exitCode = reply.process;`,
};

async function breachesWith(files: Record<string, string>): Promise<string[]> {
  return findBreaches(new Map(Object.entries({ ...GOOD, ...files })));
}

describe('the check of the rules', () => {
  it('finds nothing in a tree that keeps them', async () => {
    expect(await breachesWith({})).toEqual([]);
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'a door that is closed',
      { 'core/a.ts': `\nimport { reply } from '../server/reply.ts';\nexport const a = reply;` },
      'core/a.ts:2: core may not import server',
    ],
    [
      'a closed door behind a type',
      { 'core/a.ts': `import type { reply } from '../server/reply.ts';\nexport type A = typeof reply;` },
      'core/a.ts:1: core may not import server',
    ],
    [
      'a closed door behind a type in an expression',
      { 'core/a.ts': `export type A = import('../server/reply.ts').A;` },
      'core/a.ts:1: core may not import server',
    ],
    [
      'a closed door behind a dynamic import',
      { 'core/a.ts': `export const a = () => import('../server/reply.ts');` },
      'core/a.ts:1: core may not import server',
    ],
    [
      'a closed door behind a re-export',
      { 'core/a.ts': `export { reply } from '../server/reply.ts';\nexport const a = 1;` },
      'core/a.ts:1: core may not import server',
    ],
    [
      'a closed door behind a worker',
      {
        'core/a.ts': `export const a = () => new URL('../server/work.ts', import.meta.url);`,
        'server/work.ts': 'structuredClone(1);',
      },
      'core/a.ts:1: core may not import server',
    ],
    [
      'a value through a door for types',
      {
        'telemetry/README.md': '',
        'ledger/README.md': '',
        'ledger/record.ts': 'export const RECORD = 1;',
        'telemetry/a.ts': `import { RECORD } from '../ledger/record.ts';\nexport const a = RECORD;`,
      },
      'telemetry/a.ts:1: telemetry may import only types of ledger (write "import type")',
    ],
    [
      'a type without "import type" through a door for types',
      {
        'telemetry/README.md': '',
        'ledger/README.md': '',
        'ledger/record.ts': 'export type R = 1;',
        'telemetry/a.ts': `import { type R } from '../ledger/record.ts';\nexport type A = R;`,
      },
      'telemetry/a.ts:1: telemetry may import only types of ledger (write "import type")',
    ],
    [
      'an import that is computed',
      { 'core/a.ts': "export const a = (name: string) => import('./' + name);" },
      'core/a.ts:1: the import is computed, so that its direction cannot be checked',
    ],
    [
      'a package outside of its room',
      { 'core/a.ts': `import type { Agent } from 'undici';\nexport type A = Agent;` },
      'core/a.ts:1: "undici" may be imported in server, app.ts, not in core',
    ],
    [
      'a part of a package outside of its room',
      { 'core/a.ts': `import { a } from '@fastify/busboy/lib/main.js';\nexport const b = a;` },
      'core/a.ts:1: "@fastify/busboy" may be imported in server, not in core',
    ],
    [
      'a package that nobody has a reason for',
      { 'core/a.ts': `import pad from 'left-pad';\nexport const a = pad;` },
      'core/a.ts:1: package "left-pad" is not in the table of packages',
    ],
    [
      'the database outside of the ledger',
      { 'core/a.ts': `import { DatabaseSync } from 'node:sqlite';\nexport const a = DatabaseSync;` },
      'core/a.ts:1: "node:sqlite" may be imported in ledger, not in core',
    ],
    [
      'the process by import',
      { 'core/a.ts': `import { env } from 'node:process';\nexport const a = env;` },
      'core/a.ts:1: "node:process" may be imported in main.ts, not in core',
    ],
    [
      'the process as a global',
      { 'core/a.ts': 'export const a = () => process.env;' },
      'core/a.ts:1: only main.ts touches process; hand in what is needed',
    ],
    [
      'the process through globalThis',
      { 'core/a.ts': 'export const a = () => globalThis.process.env;' },
      'core/a.ts:1: only main.ts touches process; hand in what is needed',
    ],
    [
      'the process handed on',
      { 'core/a.ts': 'export const a = () => ({ process });' },
      'core/a.ts:1: only main.ts touches process; hand in what is needed',
    ],
    [
      'the console, even at the edge',
      { 'main.ts': 'console.log(1);' },
      'main.ts:1: console is not used; what is to be said goes to the logger or the output handed in',
    ],
    [
      'the edge imported by a room',
      { 'server/a.ts': `import { b } from '../main.ts';\nexport const a = b;` },
      'server/a.ts:1: main.ts may be imported by nobody, not by server',
    ],
    [
      'a file outside of src',
      { 'core/a.ts': `import data from '../../config/prices.json' with { type: 'json' };\nexport const a = data;` },
      'core/a.ts:1: imports ../../config/prices.json, which is outside of src',
    ],
    [
      'a circle inside a room',
      {
        'core/a.ts': `import { b } from './b.ts';\nexport const a = () => b;`,
        'core/b.ts': `import { c } from './c.ts';\nexport const b = () => c;`,
        'core/c.ts': `import { a } from './a.ts';\nexport const c = () => a;`,
      },
      'core/a.ts: files import each other in a circle: core/a.ts → core/b.ts → core/c.ts → core/a.ts',
    ],
    [
      'a circle of types',
      {
        'core/a.ts': `import type { B } from './b.ts';\nexport type A = B;`,
        'core/b.ts': `import type { A } from './a.ts';\nexport type B = A | 1;`,
      },
      'core/a.ts: files import each other in a circle: core/a.ts → core/b.ts → core/a.ts',
    ],
    [
      'a barrel',
      { 'core/all.ts': `export * from './money.ts';` },
      'core/all.ts: only re-exports what others define (no barrels)',
    ],
    [
      'a barrel in two steps',
      { 'core/all.ts': `import { NANO } from './money.ts';\nexport { NANO };` },
      'core/all.ts: only re-exports what others define (no barrels)',
    ],
    [
      'a drawer',
      { 'core/text-utils.ts': 'export const a = 1;' },
      'core/text-utils.ts: a file is named after the one noun in it, not after a drawer',
    ],
    [
      'a name in another case',
      { 'core/textRules.ts': 'export const a = 1;' },
      'core/textRules.ts: "textRules.ts" is not kebab-case',
    ],
    ['a room without a README', { 'ledger/a.ts': 'export const a = 1;' }, 'ledger: the room has no README.md'],
    [
      'a room that is in no table',
      { 'shed/README.md': '# shed', 'shed/a.ts': 'export const a = 1;' },
      'shed: no room of this name is in the table of rooms',
    ],
    [
      'a file in no room',
      { 'demo.ts': 'export const a = 1;' },
      'demo.ts: no room of this name is in the table of rooms',
    ],
    [
      'a long file',
      { 'core/a.ts': `export const a = 1;\n${'// more\n'.repeat(400)}` },
      'core/a.ts: 401 lines, more than 400: it holds more than one noun',
    ],
    ['state', { 'core/a.ts': '\nexport let a = 1;' }, 'core/a.ts:2: module-level state that can change'],
    [
      'work on import',
      { 'core/a.ts': 'export const a: number[] = [];\na.push(1);' },
      'core/a.ts:2: something happens on import',
    ],
    ['a default export', { 'core/a.ts': 'export default 1;' }, 'core/a.ts:1: default export; give it a name'],
  ])('finds %s', async (_what, files, breach) => {
    expect(await breachesWith(files)).toEqual([breach]);
  });

  describe('of a worker', () => {
    const WORKER = {
      'core/start.ts': `export const start = () => new URL('./work.ts', import.meta.url);`,
      'core/work.ts': `import { NANO } from './money.ts';\nlet sum = NANO;\nsum += structuredClone(sum);`,
    };

    it('lets it begin its work when it is loaded', async () => {
      expect(await breachesWith(WORKER)).toEqual([]);
    });

    it('finds who imports it', async () => {
      const files = { ...WORKER, 'core/b.ts': `import './work.ts';\nexport const b = 1;` };
      expect(await breachesWith(files)).toEqual(['core/b.ts:1: ./work.ts begins a worker thread and is not imported']);
    });
  });

  it('lets types through a door for types', async () => {
    const files = {
      'telemetry/README.md': '',
      'ledger/README.md': '',
      'ledger/record.ts': 'export type R = 1;',
      'telemetry/a.ts': `import type { R } from '../ledger/record.ts';\nexport type A = R;`,
    };
    expect(await breachesWith(files)).toEqual([]);
  });
});
