import { expect, it } from 'vitest';
import { commandReference } from '../../scripts/command-reference.ts';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { readText } from './repository.ts';

const PAGE = readText('docs/cli.md');

it('docs/cli.md is what `npm run docs:cli` writes', () => {
  expect(PAGE).toBe(commandReference(COMMANDS));
});

it('docs/cli.md has a heading for every command', () => {
  for (const { name } of COMMANDS) expect(PAGE).toContain(`### \`metertap ${name}\`\n`);
});
