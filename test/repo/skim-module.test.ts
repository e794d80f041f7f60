import { expect, it } from 'vitest';
import { SKIM_MODULES, skimModuleFile } from '../../scripts/skim-module.ts';
import { readText } from './repository.ts';

it.each(SKIM_MODULES)('$file is what `npm run skim:build` makes of $source', async (module) => {
  expect(readText(module.file)).toBe(await skimModuleFile(module, readText(module.source)));
});
