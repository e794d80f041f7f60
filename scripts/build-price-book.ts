import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildPriceBook, type SecondSource } from './price-book/build-book.ts';
import { readLitellm } from './price-book/litellm.ts';

/** Makes `src/pricing/price-book.jsonl` anew (docs/prices.md, "Making the book"). */

const USAGE = `Usage: node scripts/build-price-book.ts [--litellm FILE --litellm-version V] [--book-version DATE] [--out FILE]

  --litellm FILE        model_prices_and_context_window_backup.json out of the PyPI package litellm; without it what
                        that source has said is taken over from the committed book
  --litellm-version V   the version of that package
  --book-version DATE   the day that the book is of; today, when absent
  --out FILE            where to write it; src/pricing/price-book.jsonl, when absent
`;

const BOOK = new URL('../src/pricing/price-book.jsonl', import.meta.url);
const GENAI_PRICES_MANIFEST = new URL('../node_modules/@pydantic/genai-prices/package.json', import.meta.url);

function main(args: string[]): void {
  const { values } = parseArgs({
    args,
    options: {
      litellm: { type: 'string' },
      'litellm-version': { type: 'string' },
      'book-version': { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return void process.stdout.write(USAGE);
  const second = secondSource(values.litellm, values['litellm-version']);
  const manifest: { version: string } = JSON.parse(readFileSync(GENAI_PRICES_MANIFEST, 'utf8'));
  const bookVersion = values['book-version'] ?? new Date().toISOString().slice(0, 10);
  const book = buildPriceBook({ bookVersion, genaiPricesVersion: manifest.version, second });
  writeFileSync(values.out ?? BOOK, book.text);

  const lines = [
    `${book.rows} rows, ${Math.round(book.text.length / 1024)} KiB`,
    ...book.leftOut.map(({ model, reason }) => `no row: ${model}: ${reason}`),
    ...book.disagreements.map(({ model, differences }) => `sources differ: ${model}: ${differences.join('; ')}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function secondSource(file: string | undefined, version: string | undefined): SecondSource {
  if ((file === undefined) !== (version === undefined)) throw new Error(`say both or neither\n\n${USAGE}`);
  if (file !== undefined && version !== undefined) {
    return { kind: 'file', models: readLitellm(readFileSync(file, 'utf8')), version };
  }
  if (!existsSync(BOOK)) throw new Error(`there is no book yet to take the second source over from\n\n${USAGE}`);
  return { kind: 'book', text: readFileSync(BOOK, 'utf8') };
}

main(process.argv.slice(2));
