import { type Candidate, candidates, DIRECT } from './candidates.ts';
import { type Machine, prepareMachine } from './machine.ts';
import type { Measurement } from './measurement.ts';
import { checkNames } from './options.ts';
import { exitCodeOf, progress, runBenchmark, say, writeResults } from './output.ts';
import { errorLines } from './report.ts';
import { chatRequest } from './requests.ts';
import { Session } from './session.ts';
import { openingSeconds, readStreamOptions, STREAMS_HELP, type StreamOptions } from './stream-options.ts';
import { type Sample, type StreamRun, streamTable } from './stream-report.ts';
import { DONE, type Workload, warmUpOfOpenStreams } from './workloads.ts';

/** `npm run bench:streams`: many open streams at once, slow readers among them, beside the bare pipe. */

const REQUEST_BYTES = 1024;
const SAMPLE_MS = 500;
const WARM_UP = { coldSeconds: 1.5, warmSeconds: 1.5 };
const MOST_PACED_SECONDS = 8;
const SLOW_BYTES = 1024;
const SLOW_MS = 100;
/** The less the system holds for the upstream, the sooner it sees that a reader is slow. */
const UPSTREAM_SEND_BUFFER = 65_536;

async function main(): Promise<number> {
  const options = readStreamOptions(process.argv.slice(2));
  if (options === null) {
    say(STREAMS_HELP);
    return 0;
  }
  const chosen = chosenCandidates(options);
  const machine = await prepareMachine();
  say(machine.note);
  const startedAt = new Date();
  const bodyBytes = await bytesOfOneStream(machine, options, false);
  const slowBodyBytes = await bytesOfOneStream(machine, options, true);
  const slow = Math.round((options.streams * options.slowPercent) / 100);
  const sizes = { slow, bodyBytes, slowBodyBytes };
  progress(`a stream has ${bodyBytes} bytes, one that is read slowly ${slowBodyBytes}`);

  const runs: StreamRun[] = [];
  const faults: string[] = [];
  for (const candidate of chosen) {
    const { run, ledgerFault } = await measuredRun(new Session(machine, candidate), options, sizes);
    runs.push(run);
    const wrong = [...errorLines([run.measurement]), ...byteFaults(run.measurement, { ...sizes, ...options })];
    faults.push(...wrong, ...(ledgerFault === null ? [] : [`${candidate.name}: ${ledgerFault}`]));
    progress(`${candidate.name}: ${wrong.length === 0 ? 'every stream came to its end' : wrong.join('; ')}`);
  }
  say(`\n${streamTable(options, sizes, runs)}`);
  if (faults.length === 0) say('\nEvery stream had all of its bytes, and the ledger has every stream.');
  const exitCode = exitCodeOf(faults);
  say(`\nWritten to ${writeResults('streams', options.output, { startedAt, options, ...sizes, runs, faults })}`);
  return exitCode;
}

function chosenCandidates(options: StreamOptions): Candidate[] {
  const all = candidates({ peers: [], trees: options.trees, cpuProfileFolder: options.cpuProfileFolder });
  checkNames(
    'candidate',
    options.candidates,
    all.map(({ name }) => name),
  );
  const wanted = [...options.candidates, ...options.trees.map(({ name }) => name)];
  return all.filter(({ name, launch }) => launch !== null && wanted.includes(name));
}

interface Outcome {
  readonly run: StreamRun;
  readonly ledgerFault: string | null;
}

async function measuredRun(session: Session, options: StreamOptions, sizes: Sizes): Promise<Outcome> {
  try {
    await session.begin(streamsWorkload(options, sizes), {
      ...WARM_UP,
      rateSeconds: Math.min(MOST_PACED_SECONDS, options.seconds),
    });
    const samples = [await sampleOf(session, 0)];
    const measurement = await measured(session, samples);
    return { run: { samples, measurement }, ledgerFault: await session.ledgerFault() };
  } finally {
    await session.close();
  }
}

interface Sizes {
  /** How many streams are read slowly. */
  readonly slow: number;
  readonly bodyBytes: number;
  readonly slowBodyBytes: number;
}

function streamsWorkload(options: StreamOptions, { slow, bodyBytes, slowBodyBytes }: Sizes): Workload {
  const { streams, seconds, intervalMs, eventBytes } = options;
  const openSeconds = openingSeconds(options);
  const events = eventsOf(options);
  return {
    name: 'streams',
    title: `${streams} open streams`,
    upstream: { mode: 'chat', events, intervalMs, eventBytes, sendBuffer: UPSTREAM_SEND_BUFFER },
    requests: [chatRequest(REQUEST_BYTES, { stream: 'plain' })],
    warmUp: warmUpOfOpenStreams(),
    load: {
      connections: streams,
      rate: streams / openSeconds,
      calls: streams,
      // Slow readers come to their end only after they have read on for as long again.
      seconds: openSeconds + 4 * seconds + 10,
      bodyBytes,
      slow: {
        connections: slow,
        request: chatRequest(REQUEST_BYTES, { stream: 'plain', large: true }),
        bodyBytes: slowBodyBytes,
        bytes: SLOW_BYTES,
        everyMs: SLOW_MS,
        untilSeconds: openSeconds + seconds,
      },
    },
    endsWith: DONE,
    events,
    inputTokens: 1200,
    fresh: true,
  };
}

/** All streams are open together for the seconds, whenever each of them began. */
function eventsOf(options: StreamOptions): number {
  return Math.ceil(((openingSeconds(options) + options.seconds) * 1000) / options.intervalMs);
}

/** What a client gets of one stream without a proxy: the proxied ones must be as long. */
async function bytesOfOneStream(machine: Machine, options: StreamOptions, large: boolean): Promise<number> {
  const direct = candidates({ peers: [], trees: [], cpuProfileFolder: null }).find(({ name }) => name === DIRECT);
  if (direct === undefined) throw new Error('There is no way without a proxy.');
  const session = new Session(machine, direct);
  const workload = streamsWorkload(options, { slow: 0, bodyBytes: 0, slowBodyBytes: 0 });
  try {
    const one: Workload = {
      ...workload,
      upstream: { ...workload.upstream, intervalMs: 1 },
      requests: [chatRequest(REQUEST_BYTES, { stream: 'plain', large })],
      load: { connections: 1, rate: null, calls: 1, seconds: 10 },
    };
    await session.begin(one, { coldSeconds: 0.1, warmSeconds: 0.1, rateSeconds: 0 });
    const { calls, bytes, errorText } = await session.measure(1);
    if (calls !== 1) throw new Error(`a stream without a proxy failed: ${errorText}`);
    return bytes;
  } finally {
    await session.close();
  }
}

/** Measures, and takes samples meanwhile. */
async function measured(session: Session, samples: Sample[]): Promise<Measurement> {
  const startedAt = performance.now();
  let isSampling = false;
  const timer = setInterval(() => {
    if (isSampling) return;
    isSampling = true;
    sampleOf(session, (performance.now() - startedAt) / 1000)
      .then((sample) => samples.push(sample))
      .catch((error: unknown) => progress(`a sample failed: ${error}`))
      .finally(() => {
        isSampling = false;
      });
  }, SAMPLE_MS);
  try {
    return await session.measure(1);
  } finally {
    clearInterval(timer);
  }
}

async function sampleOf(session: Session, seconds: number): Promise<Sample> {
  const [watched, upstream] = await Promise.all([session.watched(), session.upstreamStats()]);
  return {
    seconds,
    residentMb: session.residentMb(),
    heapUsedMb: watched?.memory.heapUsedMb ?? null,
    externalMb: watched?.memory.externalMb ?? null,
    loopDelayP99Ms: watched?.delayMs?.p99 ?? null,
    loopDelayMaxMs: watched?.delayMs?.max ?? null,
    upstream,
  };
}

function byteFaults({ candidate, bytes }: Measurement, sizes: Sizes & { readonly streams: number }): string[] {
  const { streams, slow, bodyBytes, slowBodyBytes } = sizes;
  const expected = (streams - slow) * bodyBytes + slow * slowBodyBytes;
  return bytes === expected ? [] : [`${candidate}: ${bytes} bytes arrived, and ${expected} were sent`];
}

await runBenchmark(main);
