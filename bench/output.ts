import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { machineFigures } from './machine.ts';

/** Tables and notes, on standard output. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What goes on, on standard error. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Writes the results of a benchmark as JSON, with the machine that they hold for. Gives the file.
 *
 * @param file where to; null: bench/results/<name>-<date>.json
 */
export function writeResults(name: string, file: string | null, results: object): string {
  const date = new Date().toISOString().replaceAll(':', '-');
  const path = file ?? join(import.meta.dirname, 'results', `${name}-${date}.json`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify({ benchmark: name, machine: machineFigures(), ...results }, null, 2)}\n`);
  return path;
}

/**
 * Runs a benchmark. The process ends with what it gives: 0, or 1 where something went wrong; with 2, and what to do,
 * where it cannot run.
 */
export async function runBenchmark(main: () => Promise<number>): Promise<void> {
  process.exitCode = await main().catch((error: unknown) => {
    progress(error instanceof Error ? error.message : String(error));
    return 2;
  });
}

/** Says what went wrong, and gives the exit code. */
export function exitCodeOf(faults: readonly string[]): number {
  if (faults.length > 0) say(`\nErrors:\n${faults.map((fault) => `- ${fault}`).join('\n')}`);
  return faults.length > 0 ? 1 : 0;
}
