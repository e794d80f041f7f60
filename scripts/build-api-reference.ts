import { writeFileSync } from 'node:fs';
import { OPERATIONS } from '../src/server/operations/all-operations.ts';
import { openApiDocument } from '../src/server/operations/openapi-document.ts';
import { apiReference } from './api-reference.ts';

/** Writes docs/api-reference.md from the description of the management API: `npm run docs:api`. */
writeFileSync(new URL('../docs/api-reference.md', import.meta.url), apiReference(openApiDocument(OPERATIONS, '')));
