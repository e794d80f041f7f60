import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startCli } from '../support/cli-process.ts';
import { compareCalls, sumTokens, TOKEN_NAMES } from '../support/compare-calls.ts';
import type { LoadCall } from '../support/mixed-load.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { serveProxy } from '../support/served-proxy.ts';
import { asRecord } from '../support/start-proxy.ts';
import { type ProcessFigures, readLogBytes, readProcessFigures } from './process-figures.ts';
import { type Books, readBooks, sumOfMetric } from './soak-books.ts';
import { SoakLoad } from './soak-load.ts';

/**
 * `npm run soak -- --minutes N [--seed S] [--clients C]`: mixed load on a proxy of its own, then: does it hold what it
 * held before, and do all of its books agree with what the clients saw, to the token? Linux only: it reads /proc.
 */
const USAGE = 'Usage: npm run soak -- --minutes N [--seed S] [--clients C]';
const MEBIBYTE = 1024 * 1024;
/** The part of the time that comes before the measure is taken: caches fill, code is compiled. */
const WARM_UP_SHARE = 0.25;
/** Connections that were in use at once may stay open idle: a client's, and those of calls that it left. */
const SOCKETS_PER_CLIENT = 3;
/** Descriptors that are open for a moment while they are listed. */
const MORE_FILES = 2;
/** After a collection: the bounded memories of recent responses, credentials and failed attempts may have filled up. */
const MORE_HEAP_BYTES = 32 * MEBIBYTE;
/**
 * The heap's young generation grows with load and is not given back, beside SQLite's cache and fragments; what is held
 * shows in the heap. A fixed bound, so that a leak outside the heap shows the better the longer the soak is.
 */
const MORE_RSS_BYTES = 256 * MEBIBYTE;
/** `journal_size_limit` of the ledger. */
const MOST_LOG_BYTES = 64 * MEBIBYTE;
const QUIET_TIMEOUT_MS = 60_000;
const COLLECTION_MS = 3_000;
const SHOWN_MISMATCHES = 10;

const COLLECTING = `--expose-gc --require=${fileURLToPath(new URL('./collect-garbage.cjs', import.meta.url))}`;

interface Check {
  readonly name: string;
  readonly found: string;
  readonly expected: string;
  readonly holds: boolean;
}

const CONFIG = `
rates: { management_per_minute: 1000000, key_requests_per_minute: 1000000, unauthenticated_per_minute: 1000000 }
`;

async function soak({ minutes, seed, clients }: Options): Promise<readonly Check[]> {
  const folder = mkdtempSync(join(tmpdir(), 'metertap-soak-'));
  try {
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir);
    const config = join(folder, 'metertap.yaml');
    writeFileSync(config, CONFIG);
    await using simulator = startCli(['simulate', '--port', '0', '--no-bodies', '--json'], { cwd: folder });
    const [line] = await simulator.output(/^\{"base_url".*\}$/m);
    const upstreamUrl = String(asRecord(JSON.parse(line))['base_url']);
    await using proxy = await serveProxy({
      dataDir,
      upstreamUrl,
      env: { METERTAP_CONFIG: config, NODE_OPTIONS: COLLECTING },
    });
    const pid = proxy.cli.process.pid ?? 0;
    const readMetrics = async () => (await fetch(`${proxy.url}/metrics`)).text();
    await using load = new SoakLoad(proxy.baseUrl, seededRandom(seed));

    await readMetrics();
    const atStart = readProcessFigures(pid);
    const heapBytes = async () => sumOfMetric(await readMetrics(), 'nodejs_heap_size_used_bytes');
    const quiet = () => untilQuiet(pid, readMetrics);
    await load.run(clients, minutes * 60_000 * WARM_UP_SHARE);
    const warm = await quiet();
    const warmHeap = await heapBytes();
    await load.run(clients, minutes * 60_000 * (1 - WARM_UP_SHARE));
    const after = await quiet();
    const afterHeap = await heapBytes();
    const logBytes = readLogBytes(dataDir);
    const books = await readBooks(proxy.ask, readMetrics);
    const exit = await proxy.kill('SIGTERM');
    printKinds(load);
    return [
      ...checksOfFigures({ atStart, warm, after, logBytes, clients }),
      atMost(`heap (${mebibytes(warmHeap)} when warm)`, afterHeap, {
        most: warmHeap + MORE_HEAP_BYTES,
        show: mebibytes,
      }),
      ...checksOfBooks(books, load),
      check('exit code after SIGTERM', exit.code, 0),
      check('bytes of error output', proxy.cli.stderr.length, 0),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until no call is in flight, or for a minute; then a little for the collector. */
async function untilQuiet(pid: number, readMetrics: () => Promise<string>): Promise<ProcessFigures> {
  const deadline = performance.now() + QUIET_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (sumOfMetric(await readMetrics(), 'metertap_in_flight_requests') === 0) break;
    await pause(200);
  }
  process.kill(pid, 'SIGUSR2');
  await pause(COLLECTION_MS);
  return readProcessFigures(pid);
}

function mebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}

function checksOfFigures(figures: {
  readonly atStart: ProcessFigures;
  readonly warm: ProcessFigures;
  readonly after: ProcessFigures;
  readonly logBytes: number;
  readonly clients: number;
}): Check[] {
  const { atStart, warm, after, logBytes, clients } = figures;
  return [
    atMost('open files', after.files, { most: warm.files + MORE_FILES, show: String }),
    atMost('open sockets', after.sockets, { most: atStart.sockets + clients * SOCKETS_PER_CLIENT, show: String }),
    atMost('threads', after.threads, { most: warm.threads, show: String }),
    atMost(`RSS (${mebibytes(warm.rssBytes)} when warm)`, after.rssBytes, {
      most: warm.rssBytes + MORE_RSS_BYTES,
      show: mebibytes,
    }),
    atMost('write-ahead log', logBytes, { most: MOST_LOG_BYTES, show: mebibytes }),
  ];
}

function checksOfBooks(books: Books, load: SoakLoad): Check[] {
  const { mismatches, whole, interrupted, calls } = compareCalls(books.records, load.calls);
  for (const mismatch of [...mismatches, ...load.wrongAnswers].slice(0, SHOWN_MISMATCHES)) console.log(mismatch);
  console.log(`${calls} calls, ${whole} whole answers, ${interrupted} refused, cut or left\n`);
  const clientsWhole = wholeCalls(load.calls);
  const names = new Set(clientsWhole.map(({ name }) => name));
  const recordsOfWhole = books.records.filter(({ tags }) => names.has(String(asRecord(tags)['call'])));
  const ofWhole = sumTokens(recordsOfWhole.map(({ usage }) => asRecord(usage ?? {})));
  const sum = (of: (call: LoadCall) => number) => clientsWhole.reduce((total, call) => total + of(call), 0);
  return [
    { name: 'some answers are whole', found: String(whole), expected: '> 0', holds: whole > 0 },
    check('calls in flight', books.inFlight, 0),
    check('calls that differ between client and ledger', mismatches.length, 0),
    check('answers that tell other usage than was steered', load.wrongAnswers.length, 0),
    check('records', books.records.length, calls),
    check(
      'whole answers: input tokens, ledger and clients',
      ofWhole.input_tokens,
      sum((call) => call.inputTokens),
    ),
    check(
      'whole answers: cached tokens, ledger and clients',
      ofWhole.cache_read_tokens,
      sum((call) => call.cachedTokens),
    ),
    check(
      'whole answers: output tokens, ledger and clients',
      ofWhole.output_tokens,
      sum((call) => call.outputTokens),
    ),
    check('calls, metrics and ledger', books.countedCalls, books.records.length),
    ...(['runs', 'usage', 'metrics'] as const).flatMap((side) =>
      TOKEN_NAMES.map((name) => check(`${name}, ${side} and ledger`, books[side][name], books.ledger[name])),
    ),
  ];
}

function wholeCalls(calls: readonly LoadCall[]): LoadCall[] {
  return calls.filter(({ received }) => received === 'whole');
}

function check(name: string, found: number | null, expected: number): Check {
  return { name, found: String(found), expected: String(expected), holds: found === expected };
}

function atMost(
  name: string,
  found: number,
  { most, show }: { readonly most: number; readonly show: (value: number) => string },
): Check {
  return { name, found: show(found), expected: `at most ${show(most)}`, holds: found <= most };
}

function printKinds(load: SoakLoad): void {
  for (const [kind, calls] of [...load.callsByKind].toSorted()) console.log(`${kind.padEnd(20)}${calls}`);
}

function printChecks(checks: readonly Check[]): void {
  const width = Math.max(...checks.map(({ name }) => name.length)) + 2;
  for (const { name, found, expected, holds } of checks) {
    console.log(`${holds ? 'ok    ' : 'FAILED'}  ${name.padEnd(width)}${found.padEnd(14)}${expected}`);
  }
}

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly clients: number;
}

/** The options of the command line; null where one is no number above 0 or not known. */
function readOptions(args: readonly string[]): Options | null {
  try {
    const options = { minutes: { type: 'string' }, seed: { type: 'string' }, clients: { type: 'string' } } as const;
    const { values } = parseArgs({ args: [...args], options, allowPositionals: false });
    const numbers = {
      minutes: Number(values.minutes),
      seed: Number(values.seed ?? 20261122),
      clients: Number(values.clients ?? 8),
    };
    const isGood = Object.values(numbers).every((number) => Number.isFinite(number) && number > 0);
    return isGood && Number.isInteger(numbers.clients) ? numbers : null;
  } catch {
    return null;
  }
}

const options = readOptions(process.argv.slice(2));
if (options === null) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  console.log(`${options.minutes} minutes, ${options.clients} clients, seed ${options.seed}`);
  const checks = await soak(options);
  printChecks(checks);
  const failed = checks.filter(({ holds }) => !holds).length;
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
