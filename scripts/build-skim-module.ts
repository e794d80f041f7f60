import { readFileSync, writeFileSync } from 'node:fs';
import { SKIM_FILE, SKIM_SOURCE, skimModuleFile } from './skim-module.ts';

/** Compiles the WebAssembly that looks through requests: `npm run skim:build`. */
const root = new URL('../', import.meta.url);
writeFileSync(new URL(SKIM_FILE, root), await skimModuleFile(readFileSync(new URL(SKIM_SOURCE, root), 'utf8')));
