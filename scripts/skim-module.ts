import wabt from 'wabt';

/** A WebAssembly module whose bytes stand in a TypeScript file, so that nothing is compiled at a start. */
export interface SkimModule {
  readonly source: string;
  /** The file that is made of it. */
  readonly file: string;
  /** What the file exports. */
  readonly name: string;
}

export const SKIM_MODULES: readonly SkimModule[] = [
  { source: 'src/server/json-skim/skim.wat', file: 'src/server/json-skim/skim-module.ts', name: 'SKIM_MODULE' },
  {
    source: 'src/metering/event-skim/event-skim.wat',
    file: 'src/metering/event-skim/event-skim-module.ts',
    name: 'EVENT_SKIM_MODULE',
  },
];

const LINE = 100;

/** The text of a module's file, made from that of its source. Throws where it is no WebAssembly. */
export async function skimModuleFile({ source, name }: SkimModule, text: string): Promise<string> {
  const { parseWat } = await wabt();
  const module = parseWat(source, text, { simd: true });
  module.resolveNames();
  module.validate();
  const bytes = Buffer.from(module.toBinary({}).buffer).toString('base64');
  const lines = bytes.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  const texts = lines.map((line) => `  '${line}'`).join(' +\n');
  const file = source.slice(source.lastIndexOf('/') + 1);
  return `/** \`${file}\` in base64, written by \`npm run skim:build\`. */\nexport const ${name} =\n${texts};\n`;
}
