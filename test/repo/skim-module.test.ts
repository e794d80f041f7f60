import { expect, it } from 'vitest';
import { SKIM_FILE, SKIM_SOURCE, skimModuleFile } from '../../scripts/skim-module.ts';
import { readText } from './repository.ts';

it(`${SKIM_FILE} is what \`npm run skim:build\` makes of ${SKIM_SOURCE}`, async () => {
  expect(readText(SKIM_FILE)).toBe(await skimModuleFile(readText(SKIM_SOURCE)));
});
