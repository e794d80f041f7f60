import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT, readText } from './repository.ts';

const NAMED = [...readText('docs/correctness.md').matchAll(/`(test\/[\w./-]+)`/g)].map(([, path]) => path ?? '');

it('docs/correctness.md names tests for its promises', () => {
  expect(NAMED.length).toBeGreaterThan(30);
});

it.each([...new Set(NAMED)])('%s, which docs/correctness.md names, is there', (path) => {
  expect(existsSync(join(ROOT, path))).toBe(true);
});
