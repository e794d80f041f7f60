import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, readText } from './repository.ts';

/** Folders that are made on the machine and are not in the repository. */
const NOT_OURS: ReadonlySet<string> = new Set([
  'node_modules',
  '.git',
  'data',
  'demo-data',
  'dist',
  'coverage',
  'results',
  '.build',
  '.venv',
  '.venv-focus',
]);
const TEXT_FILE = /\.(?:md|ts|js|json|ya?ml|sh)$|(?:^|\/)(?:Dockerfile|run|\.dockerignore|\.editorconfig)$/;

function listFiles(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : listFiles(path);
    return entry.isFile() ? [path] : [];
  });
}

const FILES = listFiles();
const PAGES = FILES.filter((path) => path.endsWith('.md'));
const MANIFEST: { scripts: Record<string, string> } = JSON.parse(readText('package.json'));

/** npm's own commands that need no script of ours. */
const OF_NPM: ReadonlySet<string> = new Set(['ci', 'install']);

/** The scripts that a page tells its reader to run. */
function scriptsNamedIn(markdown: string): string[] {
  const runs = [...markdown.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name ?? '');
  const short = [...markdown.matchAll(/\bnpm (?!run\b)([a-z]+)\b(?=[`\s])/g)].map(([, name]) => name ?? '');
  const commands = short.filter((name) => ['start', 'test', 'stop', 'restart'].includes(name) || OF_NPM.has(name));
  return [...runs, ...commands.filter((name) => !OF_NPM.has(name))];
}

/** The targets of links to files of the repository, without code, where brackets mean other things. */
function localLinksOf(markdown: string): string[] {
  const prose = markdown.replace(/```.*?```/gs, '').replace(/`[^`\n]*`/g, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '');
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** As GitHub makes them: small letters, no punctuation, hyphens for blanks. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    (heading ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('README.md', () => {
  it('names at least the commands to start, to see the demo and to run the tests', () => {
    expect(scriptsNamedIn(readText('README.md'))).toEqual(expect.arrayContaining(['start', 'demo']));
  });
});

describe.each(PAGES)('%s', (page) => {
  const markdown = readText(page);

  it('names only scripts that package.json has', () => {
    const unknown = scriptsNamedIn(markdown).filter((name) => !Object.hasOwn(MANIFEST.scripts, name));
    expect(unknown).toEqual([]);
  });

  it('links only to what is there', () => {
    const broken = localLinksOf(markdown).filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(ROOT, file))) return true;
      return anchor !== undefined && !anchorsOf(readText(file)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

it('files name no folder of the machine that they were written on', () => {
  const machinePath = new RegExp(`(?<![\\w.~-])/(?:${['work', 'tmp', 'root', 'home'].join('|')})/`);
  const texts = FILES.filter((path) => TEXT_FILE.test(path) && path !== 'package-lock.json');
  expect(texts.length).toBeGreaterThan(100);
  expect(texts.filter((path) => machinePath.test(readText(path)))).toEqual([]);
});

it('the tests named in docs/correctness.md are there', () => {
  const named = [...readText('docs/correctness.md').matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => path ?? '');
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});
