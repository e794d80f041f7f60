import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Candidate, Place } from './candidates.ts';
import { ledgerFault } from './ledger-check.ts';
import type { Machine } from './machine.ts';
import {
  type LoadResult,
  type Measurement,
  numberOf,
  objectOf,
  readLoadResult,
  readWatched,
  type Watched,
} from './measurement.ts';
import { freePort, listening, printedPort } from './ports.ts';
import type { Launch, RunningProcess } from './processes.ts';
import { type BenchRequest, wireBytes } from './requests.ts';
import type { LoadPlan, UpstreamPlan, WarmUpTraffic, Workload } from './workloads.ts';

/** How long a candidate is let come to speed: after its start, and before each further workload. */
export interface WarmUp {
  /** Of calls that are answered at once. */
  readonly coldSeconds: number;
  readonly warmSeconds: number;
  /** Of calls at a rate, such as paced streams: some hundred a second take longer to be compiled for than thousands. */
  readonly rateSeconds: number;
}

/** What the upstream of a session does with streams whose reader does not read. */
export interface UpstreamStats {
  readonly paused: number;
  readonly mostPaused: number;
  /** How often a stream was paused. */
  readonly pauses: number;
}

/** As late as an event loop may be: an answer that nobody waits for takes the delays that it tells with it. */
const ANSWER_PATIENCE_MS = 60_000;
const MEMORY_SAMPLE_MS = 100;
/** Far longer than any workload takes, beyond its seconds, with a candidate that keeps up. */
const LOAD_PATIENCE_MS = 120_000;
/** For so long a process that has served nothing is measured by itself, where it is warmed up by paced streams. */
const FIRST_SECONDS = 2;

/** A candidate and its upstream, from workload to workload. */
export class Session {
  readonly candidate: Candidate;
  readonly #machine: Machine;
  readonly #folder: string;
  #place: Place = { port: 0, upstreamPort: 0, folder: '' };
  #upstream: RunningProcess | null = null;
  #upstreamPlan: UpstreamPlan | null = null;
  #proxy: RunningProcess | null = null;
  #workload: Workload | null = null;
  #idleMb: number | null = null;
  #startMs: number | null = null;
  #firstCpuMicros: number | null = null;
  /** What must be in the candidate's books; null after an error, when nobody can say. */
  #expected: { calls: number; inputTokens: number } | null = { calls: 0, inputTokens: 0 };

  constructor(machine: Machine, candidate: Candidate) {
    this.#machine = machine;
    this.candidate = candidate;
    this.#folder = mkdtempSync(join(tmpdir(), `metertap-bench-${candidate.name.replace(/\W/g, '_')}-`));
  }

  /**
   * Gets ready for a workload: an upstream that answers as it wants, the candidate, one call through it, a warm-up.
   *
   * @throws Error saying what does not work
   */
  async begin(workload: Workload, warmUp: WarmUp): Promise<void> {
    this.#workload = workload;
    const saidBefore = this.#said();
    try {
      await this.#startUpstream(workload.warmUp[0]?.upstream ?? workload.upstream); // the candidate is told its port
      if (workload.fresh) await this.#stopProxy();
      const isCold = this.candidate.launch !== null && this.#proxy === null;
      if (isCold) await this.#startProxy();
      this.#idleMb = this.#proxy?.residentMb() ?? null;
      this.#firstCpuMicros = null;
      for (const [stage, traffic] of workload.warmUp.entries()) {
        await this.#startUpstream(traffic.upstream);
        if (stage === 0) await this.#tryOne(traffic);
        if (this.candidate.launch !== null) await this.#warmUp(traffic, warmUp, isCold && stage === 0);
      }
      await this.#startUpstream(workload.upstream);
    } catch (error) {
      const said = this.#said().slice(saidBefore.length).trim().split('\n').at(-1);
      throw new Error(`${error instanceof Error ? error.message : error}${said ? ` (${said})` : ''}`);
    }
  }

  async #tryOne(traffic: WarmUpTraffic): Promise<void> {
    const tried = await this.#load({ connections: 1, rate: null, calls: 1, seconds: 5 }, traffic);
    if (tried.calls !== 1) throw new Error(`a first call failed: ${tried.errorText}`);
  }

  /** @param isFirst whether the candidate has served one call until now */
  async #warmUp(traffic: WarmUpTraffic, warmUp: WarmUp, isFirst: boolean): Promise<void> {
    const { connections, rate } = traffic;
    const plan = { connections, rate, calls: null };
    if (rate === null) {
      await this.#load({ ...plan, seconds: isFirst ? warmUp.coldSeconds : warmUp.warmSeconds }, traffic);
      return;
    }
    let seconds = Math.min(warmUp.rateSeconds, traffic.mostSeconds ?? warmUp.rateSeconds);
    if (isFirst) {
      const firstSeconds = Math.min(FIRST_SECONDS, seconds);
      seconds -= firstSeconds;
      this.#firstCpuMicros = await this.#cpuMicrosPerCall({ ...plan, seconds: firstSeconds }, traffic);
    }
    if (seconds > 0) await this.#load({ ...plan, seconds }, traffic);
  }

  /** What the candidate takes for these calls; null for none, and where there is no candidate. */
  async #cpuMicrosPerCall(plan: LoadPlan, traffic: WarmUpTraffic): Promise<number | null> {
    if (plan.seconds === 0) return null;
    const before = this.#proxy?.cpuSeconds() ?? null;
    const { calls } = await this.#load(plan, traffic);
    return perUnit(difference(this.#proxy?.cpuSeconds() ?? null, before), calls);
  }

  /**
   * Measures one round of the workload that was begun.
   *
   * @param afterSeconds so long after the calls what the candidate does for them still counts
   * @throws Error where the load generator does not come to its end
   */
  async measure(round: number, afterSeconds = 0): Promise<Measurement> {
    const workload = this.#begun();
    await this.watched();
    const cpuBefore = this.#proxy?.cpuSeconds() ?? null;
    const upstreamBefore = this.#upstream?.cpuSeconds() ?? null;
    const memory = watchMemory(this.#proxy);
    const load = await this.#load(workload.load, null).finally(() => memory.stop());
    const upstreamCpu = difference(this.#upstream?.cpuSeconds() ?? null, upstreamBefore) ?? 0;
    const watched = await this.watched();
    await sleep(afterSeconds * 1000);
    const cpu = difference(this.#proxy?.cpuSeconds() ?? null, cpuBefore);
    const events = load.calls * workload.events;
    return {
      workload: workload.name,
      candidate: this.candidate.name,
      round,
      calls: load.calls,
      events,
      bytes: load.bytes,
      seconds: load.seconds,
      callsPerSecond: load.calls / load.seconds,
      cpuMicrosPerCall: perUnit(cpu, load.calls),
      cpuMicrosPerEvent: perUnit(cpu, events),
      firstCpuMicrosPerCall: this.#firstCpuMicros,
      coreShare: cpu === null ? null : cpu / load.seconds,
      otherCoreShare: (load.cpuSeconds + upstreamCpu) / load.seconds,
      firstMs: load.firstMs,
      lastMs: load.lastMs,
      eventMs: load.eventMs,
      loopDelayMs: watched?.delayMs ?? null,
      idleMb: this.#idleMb,
      peakMb: memory.peakMb(),
      startMs: this.#startMs,
      errors: load.errors,
      errorText: load.errorText,
    };
  }

  /** What the candidate's books and the load generator do not agree on; null where they do, or where there are none. */
  async ledgerFault(): Promise<string | null> {
    if (!this.candidate.ledger || this.#expected === null || this.#proxy === null) return null;
    return ledgerFault(this.#place.port, this.#expected);
  }

  /** Where the candidate listens; 0 before it was started. */
  get port(): number {
    return this.#place.port;
  }

  /** Resident memory of the candidate now, in MiB; null for no proxy. */
  residentMb(): number | null {
    return this.#proxy?.residentMb() ?? null;
  }

  /** Delays of the candidate's event loop since the last time, and its memory; null where it does not run on Node. */
  async watched(): Promise<Watched | null> {
    if (!this.candidate.onNode || this.#proxy === null) return null;
    return this.#told(this.#proxy, 'SIGUSR2', 'watched.json', readWatched);
  }

  /** Gives null where the upstream does not answer in time. */
  async upstreamStats(): Promise<UpstreamStats | null> {
    if (this.#upstream === null) return null;
    return this.#told(this.#upstream, 'SIGUSR1', 'upstream.json', (text) => {
      const stats = objectOf(JSON.parse(text));
      return {
        paused: numberOf(stats['paused']),
        mostPaused: numberOf(stats['mostPaused']),
        pauses: numberOf(stats['pauses']),
      };
    });
  }

  async close(): Promise<void> {
    await this.#stopProxy();
    await this.#stopUpstream();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The upstream keeps its port, so that the candidate need not know that it is another one. */
  async #startUpstream(plan: UpstreamPlan): Promise<void> {
    if (this.#upstreamPlan === plan) return;
    await this.#stopUpstream();
    this.#upstreamPlan = plan;
    const options = {
      mode: plan.mode,
      port: this.#place.upstreamPort,
      events: plan.events,
      'interval-ms': plan.intervalMs,
      'json-bytes': plan.jsonBytes,
      'large-bytes': plan.largeBytes,
      'event-bytes': plan.eventBytes,
      'send-buffer': plan.sendBuffer,
      'stats-file': join(this.#folder, 'upstream.json'),
    };
    const { tools, otherCore } = this.#machine;
    const command = [tools.upstream, ...flags(options)];
    this.#upstream = this.#start({ command, env: {}, folder: this.#folder, core: otherCore }, 'pipe');
    const upstreamPort = await printedPort(this.#upstream.child);
    this.#place = { ...this.#place, upstreamPort, folder: this.#folder };
  }

  async #startProxy(): Promise<void> {
    if (this.candidate.launch === null) return;
    this.#place = { ...this.#place, port: await freePort() };
    const { command, env } = this.candidate.launch(this.#place);
    const startedAt = performance.now();
    const proxy = this.#start(
      {
        command,
        env: { ...env, PORT: String(this.#place.port), BENCH_WATCH_FILE: join(this.#folder, 'watched.json') },
        folder: this.#folder,
        core: this.#machine.candidateCore,
      },
      'file',
    );
    this.#proxy = proxy;
    const { processes = 1, startPatienceMs: patienceMs } = this.candidate;
    await listening(this.#place.port, proxy, { processes, patienceMs });
    this.#startMs = performance.now() - startedAt;
  }

  #start(launch: Omit<Launch, 'output' | 'errors'>, output: 'pipe' | 'file'): RunningProcess {
    const log = openSync(join(this.#folder, 'output.log'), 'a');
    const errors = openSync(join(this.#folder, 'errors.log'), 'a');
    try {
      return this.#machine.processes.start({ ...launch, output: output === 'pipe' ? 'pipe' : log, errors });
    } finally {
      closeSync(log);
      closeSync(errors);
    }
  }

  async #stopProxy(): Promise<void> {
    if (this.#proxy !== null) await this.#machine.processes.stop(this.#proxy);
    this.#proxy = null;
  }

  async #stopUpstream(): Promise<void> {
    if (this.#upstream !== null) await this.#machine.processes.stop(this.#upstream);
    this.#upstream = null;
    this.#upstreamPlan = null;
  }

  /** @param traffic what comes before the workload that was begun; null for the workload itself */
  async #load(plan: LoadPlan, traffic: WarmUpTraffic | null): Promise<LoadResult> {
    const workload = this.#begun();
    const requests = traffic === null ? workload.requests : [traffic.request];
    const { events, upstream } = traffic ?? workload;
    const port = this.candidate.launch === null ? this.#place.upstreamPort : this.#place.port;
    const fileOf = (name: string, request: BenchRequest): string => {
      const file = join(this.#folder, name);
      writeFileSync(file, wireBytes(request, port, this.candidate.headers(this.#place)));
      return file;
    };
    const files = requests.flatMap((request, i) => ['--request', fileOf(`request-${i}`, request)]);
    const options = {
      port,
      connections: plan.connections,
      rate: plan.rate ?? 0,
      calls: plan.calls ?? 0,
      seconds: plan.seconds,
      'ends-with': workload.endsWith,
      // Every token's event and the one that says why the answer ended; some proxies leave out what follows.
      'min-events': events === 0 ? 0 : events + 1,
      runs: this.candidate.spread?.runs,
      keys: this.candidate.spread?.keys,
      'body-bytes': plan.bodyBytes,
      slow: plan.slow?.connections,
      'slow-request': plan.slow === undefined ? undefined : fileOf('slow-request', plan.slow.request),
      'slow-body-bytes': plan.slow?.bodyBytes,
      'slow-bytes': plan.slow?.bytes,
      'slow-ms': plan.slow?.everyMs,
      'slow-until': plan.slow?.untilSeconds,
      stamps: upstream.intervalMs === undefined || traffic !== null ? 0 : 1,
    };
    const { tools, otherCore } = this.#machine;
    const launch = {
      command: [tools.load, ...flags(options), ...files],
      env: {},
      folder: this.#folder,
      core: otherCore,
    };
    const result = readLoadResult(await this.#output(launch, plan.seconds * 1000 + LOAD_PATIENCE_MS));
    this.#expect(result, workload);
    return result;
  }

  #expect(result: LoadResult, workload: Workload): void {
    if (result.errors > 0) this.#expected = null;
    if (this.#expected === null) return;
    this.#expected.calls += result.calls;
    this.#expected.inputTokens += result.calls * workload.inputTokens;
  }

  /** Runs a program to its end. Gives what it printed. */
  async #output(launch: Omit<Launch, 'output' | 'errors'>, timeoutMs: number): Promise<string> {
    const running = this.#start(launch, 'pipe');
    const timer = setTimeout(() => running.kill(), timeoutMs);
    try {
      return running.child.stdout === null ? '' : await text(running.child.stdout);
    } finally {
      clearTimeout(timer);
      await this.#machine.processes.stop(running);
    }
  }

  /** Asks a program by a signal, and reads the file that it writes. */
  async #told<Answer>(
    program: RunningProcess,
    signal: NodeJS.Signals,
    name: string,
    read: (text: string) => Answer,
  ): Promise<Answer | null> {
    const file = join(this.#folder, name);
    rmSync(file, { force: true });
    program.signal(signal);
    for (let waitedMs = 0; waitedMs < ANSWER_PATIENCE_MS; waitedMs += 10) {
      await sleep(10);
      if (existsSync(file)) return read(readFileSync(file, 'utf8'));
    }
    return null;
  }

  #begun(): Workload {
    if (this.#workload === null) throw new Error('no workload has begun');
    return this.#workload;
  }

  #said(): string {
    try {
      return readFileSync(join(this.#folder, 'errors.log'), 'utf8');
    } catch {
      return '';
    }
  }
}

function watchMemory(proxy: RunningProcess | null): { stop(): void; peakMb(): number | null } {
  let peakMb = proxy?.residentMb() ?? null;
  const sample = () => {
    const mb = proxy?.residentMb() ?? null;
    if (mb !== null && peakMb !== null) peakMb = Math.max(peakMb, mb);
  };
  const timer = setInterval(sample, MEMORY_SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      sample();
    },
    peakMb: () => peakMb,
  };
}

function flags(options: Readonly<Record<string, string | number | undefined>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
}

function difference(after: number | null, before: number | null): number | null {
  return after === null || before === null ? null : after - before;
}

function perUnit(cpuSeconds: number | null, units: number): number | null {
  return cpuSeconds === null || units === 0 ? null : (cpuSeconds * 1e6) / units;
}
