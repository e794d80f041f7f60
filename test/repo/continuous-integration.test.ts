import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { ROOT, readText } from './repository.ts';

interface Workflow {
  readonly permissions: Record<string, string>;
  readonly concurrency: { readonly 'cancel-in-progress': boolean };
  readonly jobs: Record<string, { readonly steps: { readonly uses?: string; readonly run?: string }[] }>;
}

interface Manifest {
  readonly scripts: Record<string, string>;
  readonly engines: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

const MANIFEST: Manifest = JSON.parse(readText('package.json'));
const WORKFLOW: Workflow = parse(readText('.github/workflows/ci.yml'));
const STEPS = Object.values(WORKFLOW.jobs).flatMap((job) => job.steps);

it('the workflow runs the script that everybody can run', () => {
  expect(STEPS.map((step) => step.run)).toContain('.ci/run');
});

it('the script can be executed, is valid, and calls scripts that are there', () => {
  const path = join(ROOT, '.ci/run');
  expect(() => accessSync(path, constants.X_OK)).not.toThrow();
  expect(() => execFileSync('bash', ['-n', path])).not.toThrow();
  const called = [...readText('.ci/run').matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? '');
  expect(called.length).toBeGreaterThan(0);
  expect(Object.keys(MANIFEST.scripts)).toEqual(expect.arrayContaining(called));
});

it('the workflow may only read, and its actions cannot change under it', () => {
  expect(WORKFLOW.permissions).toEqual({ contents: 'read' });
  expect(WORKFLOW.concurrency['cancel-in-progress']).toBe(true);
  const actions = STEPS.flatMap((step) => step.uses ?? []);
  expect(actions.length).toBeGreaterThan(0);
  expect(actions.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/.test(action))).toEqual([]);
});

it('names one major version of Node.js everywhere', () => {
  const major = readText('.nvmrc').trim();
  expect(MANIFEST.engines['node']).toMatch(new RegExp(`^>=${major}\\.`));
  expect(MANIFEST.devDependencies['node']).toMatch(new RegExp(`^${major}\\.`));
});

it('depends on exact versions only', () => {
  const manifest: Record<string, Record<string, string>> = JSON.parse(readText('package.json'));
  const versions = { ...manifest['dependencies'], ...manifest['devDependencies'] };
  const loose = Object.entries(versions).filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version));
  expect(loose).toEqual([]);
});
