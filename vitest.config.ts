import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// The threads of the ledgers that tests open find their sources compiled, as those of a started Metertap do; without it each
// of some thousand threads would load and throw away what strips types.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/metertap-tests');

/** Four kinds of tests, each with its promise; see CONTRIBUTING.md. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'repo', include: ['test/repo/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
