import { expect, it } from 'vitest';
import { apiReference } from '../../scripts/api-reference.ts';
import { OPERATIONS } from '../../src/server/operations/all-operations.ts';
import { openApiDocument } from '../../src/server/operations/openapi-document.ts';
import { readText } from './repository.ts';

const PAGE = readText('docs/api-reference.md');

it('docs/api-reference.md is what `npm run docs:api` writes', () => {
  expect(PAGE).toBe(apiReference(openApiDocument(OPERATIONS, '')));
});

it('docs/api-reference.md has a heading for every operation', () => {
  for (const route of Object.keys(OPERATIONS)) expect(PAGE).toContain(`### \`${route}\`\n`);
});
