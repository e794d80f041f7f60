import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT } from './repository.ts';

const BUILT = join(ROOT, 'dashboard/dist');
const MOST_SCRIPT_BYTES = 60 * 1024;

function filesIn(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'base64')]));
}

it('the page in the repository is the one that its sources build, byte for byte', () => {
  const outDir = mkdtempSync(join(tmpdir(), 'metertap-dashboard-'));
  onTestFinished(() => rmSync(outDir, { recursive: true, force: true }));
  // As `npm run build` does it, and not with what a test has in its environment.
  const env = { ...process.env, NODE_ENV: 'production' };
  const config = join(ROOT, 'dashboard/vite.config.ts');
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
  execFileSync(process.execPath, [vite, 'build', '--config', config, '--outDir', outDir, '--logLevel', 'error'], {
    env,
  });
  const fresh = filesIn(outDir);
  expect([...fresh.keys()].length).toBeGreaterThan(2);
  const hint = 'run `npm run build` and commit dashboard/dist';
  expect([...filesIn(BUILT).keys()], hint).toEqual([...fresh.keys()]);
  for (const [name, text] of fresh) expect(filesIn(BUILT).get(name) === text, `${name}: ${hint}`).toBe(true);
});

it('its scripts stay below 60 KB, as they travel', () => {
  const scripts = [...filesIn(BUILT)].filter(([name]) => name.endsWith('.js'));
  expect(scripts.length).toBeGreaterThan(0);
  const bytes = scripts.reduce((sum, [, text]) => sum + gzipSync(Buffer.from(text, 'base64')).length, 0);
  expect(bytes).toBeLessThan(MOST_SCRIPT_BYTES);
});

it('it names nothing outside of Metertap, and nothing inline', () => {
  const page = readFileSync(join(BUILT, 'index.html'), 'utf8');
  const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
  expect(named.length).toBeGreaterThan(2);
  expect(named.filter((path) => !path.startsWith('/dashboard/'))).toEqual([]);
  expect(page).not.toMatch(/<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=/);
});
