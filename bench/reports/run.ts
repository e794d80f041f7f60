import { existsSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { openForReading } from '../../src/ledger/database.ts';
import { freePort, listening } from '../ports.ts';
import { Processes, type RunningProcess } from '../processes.ts';
import { askWatched } from '../watched-file.ts';
import { fillLedger } from './fill.ts';
import { type Question, questions } from './questions.ts';

/** `npm run bench:reports`: see docs/performance.md, "Reports". */

const HELP = `Usage: npm run bench:reports -- [options]

Fills a ledger with calls, starts Metertap on it, and times reports of its API end to end.

  --records N    calls in the ledger (100,000); ten million take some ten minutes and 10 GB
  --days N       over how many days they are spread, up to now (90)
  --times N      how often each report is asked (50)
  --data FOLDER  keeps the ledger there, and uses what an earlier run has left there
  --only TEXT    only reports whose name has this in it
  --tree FOLDER  starts Metertap from another checkout; never over a ledger of a newer one
  --help         this text
`;

const ADMIN_KEY = 'mt-admin-of-the-benchmark';
const WARM_UPS = 2;

const processes = new Processes();
process.on('exit', () => processes.killAll());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

const say = (text: string) => void process.stdout.write(`${text}\n`);
const progress = (text: string) => void process.stderr.write(text);

interface Timing {
  readonly question: Question;
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How late Metertap's event loop came while the report was asked; null where nothing was told. */
  readonly loopMaxMs: number | null;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '100000' },
      days: { type: 'string', default: '90' },
      times: { type: 'string', default: '50' },
      data: { type: 'string' },
      only: { type: 'string', default: '' },
      tree: { type: 'string', default: join(import.meta.dirname, '../..') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(HELP);
  const records = wholeNumber('records', values.records);
  const times = wholeNumber('times', values.times);
  const folder = values.data ?? mkdtempSync(join(tmpdir(), 'metertap-reports-'));
  if (values.data === undefined) process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  try {
    const dataDir = join(folder, 'data');
    const file = join(dataDir, 'metertap.db');
    const nowMs = Date.now();
    if (!existsSync(file)) fill(dataDir, { records, days: wholeNumber('days', values.days), nowMs });
    const served = await startMetertap({ folder, dataDir, tree: resolve(values.tree) });
    const stored = await countRecords(dataDir);
    const timings: Timing[] = [];
    for (const question of questions(nowMs)) {
      if (question.name.includes(values.only)) timings.push(await time(served, question, times));
    }
    await processes.stop(served.metertap);
    say(heading(stored, statSync(file).size, times));
    say(table(timings));
  } finally {
    processes.killAll();
  }
}

function fill(
  dataDir: string,
  given: { readonly records: number; readonly days: number; readonly nowMs: number },
): void {
  const startedMs = performance.now();
  fillLedger({
    dataDir,
    records: given.records,
    days: given.days,
    endMs: given.nowMs,
    progress: (written) => {
      if (process.stderr.isTTY) progress(`\r${written} of ${given.records} records`);
    },
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  progress(
    `\r${given.records} records, written in ${seconds.toFixed(0)} s (${Math.round(given.records / seconds)} a second)\n`,
  );
}

interface Served {
  readonly url: string;
  readonly metertap: RunningProcess;
  readonly watchFile: string;
}

interface Place {
  readonly folder: string;
  readonly dataDir: string;
  readonly tree: string;
}

async function startMetertap({ folder, dataDir, tree }: Place): Promise<Served> {
  const port = await freePort();
  const config = join(folder, 'metertap.yaml');
  writeFileSync(
    config,
    `listen: { host: 127.0.0.1, port: ${port} }
data_dir: ${JSON.stringify(dataDir)}
admin_key: ${ADMIN_KEY}
ledger: { retention_days: 3650 }
rates: { management_per_minute: 100000000 }
`,
  );
  const log = openSync(join(folder, 'metertap.log'), 'w');
  const watch = join(import.meta.dirname, '../watch-process.js');
  const watchFile = join(folder, 'watched.json');
  const command = [process.execPath, '--import', watch, join(tree, 'src/main.ts'), 'serve', '--config', config];
  const env = { BENCH_WATCH_FILE: watchFile };
  const metertap = processes.start({ command, env, folder, core: null, output: log, errors: log });
  await listening(port, metertap).catch((cause: unknown) => {
    throw new Error(`Metertap did not start; see ${join(folder, 'metertap.log')}.`, { cause });
  });
  return { url: `http://127.0.0.1:${port}`, metertap, watchFile };
}

async function countRecords(dataDir: string): Promise<number> {
  const database = openForReading(dataDir);
  const row = database.prepare('SELECT sum(records) AS records FROM usage_day').get();
  database.close();
  return Number(row?.['records'] ?? 0);
}

/** Asks one report again and again, one at a time, over a connection that stays open. */
async function time({ url, metertap, watchFile }: Served, question: Question, times: number): Promise<Timing> {
  const tookMs: number[] = [];
  let bytes = 0;
  for (let asked = -WARM_UPS; asked < times; asked++) {
    if (asked === 0) await askWatched(metertap, watchFile);
    const startedMs = performance.now();
    const answer = await fetch(`${url}${question.path}`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${question.path}: HTTP ${answer.status} ${text}`);
    if (asked >= 0) tookMs.push(performance.now() - startedMs);
    bytes = Buffer.byteLength(text);
  }
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))] ?? Number.NaN;
  progress(`${question.name}: ${at(0.5).toFixed(1)} ms\n`);
  const { delayMs } = await askWatched(metertap, watchFile);
  return { question, bytes, p50Ms: at(0.5), p99Ms: at(0.99), loopMaxMs: delayMs?.max ?? null };
}

function heading(records: number, fileBytes: number, times: number): string {
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`;
  const date = new Date().toISOString().slice(0, 10);
  const size = `${records.toLocaleString('en')} records, a file of ${(fileBytes / 2 ** 20).toFixed(0)} MiB`;
  return `\n${date}, ${machine}: ${size}, each report asked ${times} times.\n`;
}

function table(timings: readonly Timing[]): string {
  const rows = timings.map(({ question, bytes, p50Ms, p99Ms, loopMaxMs }) => {
    const figures = [bytes / 1_024, p50Ms, p99Ms].map((figure) => figure.toFixed(1));
    return [question.name, question.source, ...figures, loopMaxMs?.toFixed(0) ?? ''].join(' | ');
  });
  const head = ['report | read from | KiB | p50 ms | p99 ms | event loop late, most ms', '---|---|---|---|---|---'];
  return [...head, ...rows].map((row) => `| ${row} |`.replace('| ---', '|---').replace('--- |', '---|')).join('\n');
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`--${name} must be a whole number from 1 on.`);
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
