import { defineConfig } from 'vitest/config';

/** Four kinds of tests, each with its promise; see CONTRIBUTING.md. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'repo', include: ['test/repo/**/*.test.ts'] } },
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
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
