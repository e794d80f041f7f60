import wabt from 'wabt';

/** The source of the module whose bytes stand in a TypeScript file, so that nothing is compiled at a start. */
export const SKIM_SOURCE = 'src/server/json-skim/skim.wat';
export const SKIM_FILE = 'src/server/json-skim/skim-module.ts';

const LINE = 100;

/** The text of `SKIM_FILE`, made from that of `SKIM_SOURCE`. Throws where it is no WebAssembly. */
export async function skimModuleFile(source: string): Promise<string> {
  const { parseWat } = await wabt();
  const module = parseWat(SKIM_SOURCE, source, { simd: true });
  module.resolveNames();
  module.validate();
  const bytes = Buffer.from(module.toBinary({}).buffer).toString('base64');
  const lines = bytes.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  const texts = lines.map((line) => `  '${line}'`).join(' +\n');
  return `/** \`skim.wat\` in base64, written by \`npm run skim:build\`. */\nexport const SKIM_MODULE =\n${texts};\n`;
}
