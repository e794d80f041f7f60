import { writeFileSync } from 'node:fs';
import { COMMANDS } from '../src/cli/command-table.ts';
import { commandReference } from './command-reference.ts';

/** Writes docs/cli.md from the table of commands: `npm run docs:cli`. */
writeFileSync(new URL('../docs/cli.md', import.meta.url), commandReference(COMMANDS));
