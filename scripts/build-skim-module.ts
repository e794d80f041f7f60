import { readFileSync, writeFileSync } from 'node:fs';
import { SKIM_MODULES, skimModuleFile } from './skim-module.ts';

/** Compiles the WebAssembly that looks through requests and streams: `npm run skim:build`. */
const root = new URL('../', import.meta.url);
for (const module of SKIM_MODULES) {
  const text = readFileSync(new URL(module.source, root), 'utf8');
  writeFileSync(new URL(module.file, root), await skimModuleFile(module, text));
}
