import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { metertapArguments } from './candidates.ts';
import type { Machine } from './machine.ts';
import { type Memory, numberOf, objectOf, readWatched } from './measurement.ts';
import { freePort, listening, printedPort } from './ports.ts';
import type { RunningProcess } from './processes.ts';
import { CLIENT_KEY, chatRequest } from './requests.ts';

/** A way to start Metertap: its name, and how. */
export interface StartKind {
  readonly name: string;
  readonly how: 'npm' | 'node';
  /** Whether compiled sources are there from an earlier start. */
  readonly isWarm: boolean;
}

export interface StartFigures {
  readonly kind: string;
  readonly round: number;
  /** From the start of the process to its first connection, and to the end of the first call that was served. */
  readonly listeningMs: number;
  readonly firstCallMs: number;
  readonly cpuMs: number | null;
  readonly residentMb: number | null;
}

export interface PartFigures {
  readonly part: string;
  readonly round: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly residentMb: number;
}

export interface RestFigures {
  readonly residentMb: number | null;
  readonly memory: Memory | null;
}

export const START_KINDS: readonly StartKind[] = [
  { name: 'npm start, never started before', how: 'npm', isWarm: false },
  { name: 'npm start', how: 'npm', isWarm: true },
  { name: 'node bin/metertap.js serve', how: 'node', isWarm: true },
];

const ROOT = join(import.meta.dirname, '..');
const TRY_EVERY_MS = 5;
const PATIENCE_MS = 30_000;
const WATCH_PATIENCE_MS = 2_000;

/** What a start is made of, each loaded alone by a Node of its own; what they share is counted in each. */
const PARTS: readonly { readonly part: string; readonly script: string }[] = [
  { part: 'Node alone', script: '' },
  { part: 'the command line', script: `process.argv[2] = '--version'; await import(root + 'src/main.ts');` },
  { part: 'the configuration', script: `await import(root + 'src/config/load.ts');` },
  { part: 'all modules of the server', script: `await import(root + 'src/app.ts');` },
  {
    part: 'the price book, its index',
    script: `const { readBundledBook } = await import(root + 'src/pricing/bundled-book.ts');
      const { readFileSync } = await import('node:fs');
      globalThis.kept = readBundledBook(readFileSync(new URL(root + 'src/pricing/price-book.jsonl'), 'utf8'));`,
  },
  {
    part: 'the price book, all of its rows',
    script: `const { readBundledBook } = await import(root + 'src/pricing/bundled-book.ts');
      const { readFileSync } = await import('node:fs');
      const book = readBundledBook(readFileSync(new URL(root + 'src/pricing/price-book.jsonl'), 'utf8'));
      globalThis.kept = [book, book.providers.map((name) => book.rowsOf(name))];`,
  },
  {
    part: 'the ledger, with its thread',
    script: `const { openJournal } = await import(root + 'src/ledger/journal.ts');
      const { systemClock } = await import(root + 'src/core/clock.ts');
      const journal = await openJournal({ dataDir: folder, synchronous: 'normal', instanceId: 'bench', clock: systemClock });
      after = () => journal.close();`,
  },
  {
    part: 'the tokeniser, with its thread',
    script: `const { createTokenEstimator } = await import(root + 'src/server/token-estimator.ts');
      const estimator = createTokenEstimator({ nowMs: () => performance.now(), onDeath: () => {} });
      await estimator.count(['some text']);
      after = () => estimator.close();`,
  },
];

/** Starts Metertap on an empty ledger, waits for its first call, and stops it. */
export class Starts {
  readonly #machine: Machine;
  readonly #folder = mkdtempSync(join(tmpdir(), 'metertap-start-'));
  #upstreamPort = 0;
  #upstream: RunningProcess | null = null;
  #count = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  async open(): Promise<void> {
    const { tools, otherCore } = this.#machine;
    const log = openSync(join(this.#folder, 'upstream.log'), 'a');
    const command = [tools.upstream, '--mode', 'json'];
    const launch = { command, env: {}, folder: this.#folder, core: otherCore, output: 'pipe', errors: log } as const;
    this.#upstream = this.#machine.processes.start(launch);
    this.#upstreamPort = await printedPort(this.#upstream.child);
  }

  async close(): Promise<void> {
    if (this.#upstream !== null) await this.#machine.processes.stop(this.#upstream);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** One start, to the first served call. @throws Error where no call is served in time */
  async start(kind: StartKind, round: number): Promise<StartFigures> {
    const cache = kind.isWarm ? join(this.#folder, 'cache') : this.#newFolder('cold-cache');
    const startedAt = performance.now();
    const { running, port } = await this.#serve(kind, { NODE_COMPILE_CACHE: cache });
    try {
      await listening(port, running, { patienceMs: PATIENCE_MS });
      const listeningMs = performance.now() - startedAt;
      await firstCall(port);
      const firstCallMs = performance.now() - startedAt;
      const cpuSeconds = running.cpuSeconds();
      const cpuMs = cpuSeconds === null ? null : cpuSeconds * 1000;
      return { kind: kind.name, round, listeningMs, firstCallMs, cpuMs, residentMb: running.residentMb() };
    } finally {
      await this.#machine.processes.stop(running);
    }
  }

  /** What a Metertap holds that has served one call and then nothing. */
  async rest(idleSeconds: number, nodeOptions: readonly string[] = []): Promise<RestFigures> {
    const file = join(this.#newFolder('rest'), 'watched.json');
    const env = { NODE_COMPILE_CACHE: join(this.#folder, 'cache'), BENCH_WATCH_FILE: file };
    const kind: StartKind = { name: 'rest', how: 'node', isWarm: true };
    const watch = ['--import', join(import.meta.dirname, 'watch-process.js')];
    const { running, port } = await this.#serve(kind, env, [...watch, ...nodeOptions]);
    try {
      await listening(port, running, { patienceMs: PATIENCE_MS });
      await firstCall(port);
      await sleep(idleSeconds * 1000);
      const residentMb = running.residentMb();
      running.signal('SIGUSR2');
      for (let waitedMs = 0; !existsSync(file) && waitedMs < WATCH_PATIENCE_MS; waitedMs += 10) await sleep(10);
      const memory = existsSync(file) ? readWatched(readFileSync(file, 'utf8')).memory : null;
      return { residentMb, memory };
    } finally {
      await this.#machine.processes.stop(running);
    }
  }

  /** The parts of a start, each alone; the compiled sources are there. */
  async parts(round: number): Promise<PartFigures[]> {
    const figures: PartFigures[] = [];
    for (const { part, script } of PARTS) {
      const folder = this.#newFolder('part');
      const output = await this.#run(partScript(script, folder));
      figures.push({ part, round, ...output });
    }
    return figures;
  }

  async #serve(
    kind: StartKind,
    env: Readonly<Record<string, string>>,
    nodeOptions: readonly string[] = [],
  ): Promise<{ running: RunningProcess; port: number }> {
    const folder = this.#newFolder('place');
    const place = { port: await freePort(), upstreamPort: this.#upstreamPort, folder };
    const args = metertapArguments({ name: 'metertap', title: '', nodeOptions }, place);
    const log = openSync(join(folder, 'output.log'), 'a');
    const command =
      kind.how === 'npm'
        ? ['npm', 'start', '--', '--config', join(folder, 'metertap.yaml')]
        : [process.execPath, ...args];
    const core = this.#machine.candidateCore;
    const launch = { command, env, folder: kind.how === 'npm' ? ROOT : folder, core, output: log, errors: log };
    return { running: this.#machine.processes.start(launch), port: place.port };
  }

  async #run(script: string): Promise<Omit<PartFigures, 'part' | 'round'>> {
    const folder = this.#newFolder('run');
    const file = join(folder, 'figures.json');
    const source = join(folder, 'part.mjs');
    writeFileSync(source, script);
    const log = openSync(join(this.#folder, 'parts.log'), 'a');
    const command = [process.execPath, source];
    const env = { NODE_COMPILE_CACHE: join(this.#folder, 'cache'), BENCH_FIGURES_FILE: file };
    const core = this.#machine.candidateCore;
    const startedAt = performance.now();
    const running = this.#machine.processes.start({
      command,
      env,
      folder: this.#folder,
      core,
      output: log,
      errors: log,
    });
    while (!existsSync(file) && !running.exited) await sleep(1);
    const wallMs = performance.now() - startedAt;
    while (!running.exited) await sleep(5);
    if (!existsSync(file)) throw new Error(`a part failed: ${readFileSync(join(this.#folder, 'parts.log'), 'utf8')}`);
    const figures = objectOf(JSON.parse(readFileSync(file, 'utf8')));
    return { wallMs, cpuMs: numberOf(figures['cpuMs']), residentMb: numberOf(figures['residentMb']) };
  }

  #newFolder(name: string): string {
    this.#count += 1;
    return mkdtempSync(join(this.#folder, `${name}-${this.#count}-`));
  }
}

/** A script that does a part, and says what it took. */
function partScript(part: string, folder: string): string {
  const root = JSON.stringify(pathToFileURL(`${ROOT}/`).href);
  return `
    const root = ${root}, folder = ${JSON.stringify(folder)};
    let after = () => {};
    ${part}
    const { writeFileSync, renameSync } = await import('node:fs');
    const { user, system } = process.cpuUsage();
    const file = process.env.BENCH_FIGURES_FILE;
    const figures = { cpuMs: (user + system) / 1000, residentMb: process.memoryUsage.rss() / 1048576 };
    writeFileSync(file + '.new', JSON.stringify(figures));
    renameSync(file + '.new', file);
    await after();`;
}

/** Calls until a call is served. @throws Error where none is in time */
async function firstCall(port: number): Promise<void> {
  const { path, body } = chatRequest(1024);
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' };
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body }).catch(() => null);
    const text = await answer?.text();
    if (answer?.status === 200) return;
    if (performance.now() > deadline) throw new Error(`no call was served: ${answer?.status} ${text}`);
    await sleep(TRY_EVERY_MS);
  }
}
