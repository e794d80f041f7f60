import { candidates, DIRECT, metertap } from './candidates.ts';
import { type Machine, prepareMachine } from './machine.ts';
import type { Measurement } from './measurement.ts';
import { exitCodeOf, progress, runBenchmark, say, writeResults } from './output.ts';
import { errorLines, markdown } from './report.ts';
import { chatRequest } from './requests.ts';
import { Session, type UpstreamStats } from './session.ts';
import { readStreamOptions, STREAMS_HELP, type StreamOptions } from './stream-options.ts';
import { DONE, type Workload } from './workloads.ts';

/** `npm run bench:streams`: many open streams at once, slow readers among them. */

const REQUEST_BYTES = 1024;
const OPENED_PER_SECOND = 1000;
const SAMPLE_MS = 500;
const SLOW_BYTES = 1024;
const SLOW_MS = 100;
/** The less the system holds for the upstream, the sooner it sees that a reader is slow. */
const UPSTREAM_SEND_BUFFER = 65_536;
const KIB = 1024;

/** How the candidate is at a moment. */
interface Sample {
  readonly seconds: number;
  readonly residentMb: number | null;
  readonly heapUsedMb: number | null;
  readonly externalMb: number | null;
  readonly loopDelayP99Ms: number | null;
  readonly loopDelayMaxMs: number | null;
  readonly upstream: UpstreamStats | null;
}

async function main(): Promise<number> {
  const options = readStreamOptions(process.argv.slice(2));
  if (options === null) {
    say(STREAMS_HELP);
    return 0;
  }
  const machine = await prepareMachine();
  say(machine.note);
  const startedAt = new Date();
  const bodyBytes = await bytesOfOneStream(machine, options, false);
  const slowBodyBytes = await bytesOfOneStream(machine, options, true);
  const slow = Math.round((options.streams * options.slowPercent) / 100);
  const workload = streamsWorkload(options, { slow, bodyBytes, slowBodyBytes });
  progress(`a stream has ${bodyBytes} bytes, one that is read slowly ${slowBodyBytes}`);

  const session = new Session(machine, metertap({ name: 'metertap', title: 'Metertap, everything on' }));
  try {
    await session.begin(workload, { coldSeconds: 1.5, warmSeconds: 1.5 });
    const samples = [await sampleOf(session, 0)];
    const measurement = await measured(session, samples);
    const ledgerFault = await session.ledgerFault();
    const faults = [
      ...errorLines([measurement]),
      ...byteFaults(measurement, { streams: options.streams, slow, bodyBytes, slowBodyBytes }),
      ...(ledgerFault === null ? [] : [ledgerFault]),
    ];
    say(`\n${report(options, { slow, slowBodyBytes, samples, measurement })}`);
    if (faults.length === 0) say('\nEvery stream had all of its bytes, and the ledger has every stream.');
    const exitCode = exitCodeOf(faults);
    const results = { startedAt, options, bodyBytes, slowBodyBytes, samples, measurement, faults };
    say(`\nWritten to ${writeResults('streams', options.output, results)}`);
    return exitCode;
  } finally {
    await session.close();
  }
}

interface Sizes {
  readonly slow: number;
  readonly bodyBytes: number;
  readonly slowBodyBytes: number;
}

function streamsWorkload(options: StreamOptions, { slow, bodyBytes, slowBodyBytes }: Sizes): Workload {
  const { streams, seconds, intervalMs, eventBytes } = options;
  const openSeconds = Math.max(1, streams / OPENED_PER_SECOND);
  const events = eventsOf(options);
  return {
    name: 'streams',
    title: `${streams} open streams`,
    upstream: { mode: 'chat', events, intervalMs, eventBytes, sendBuffer: UPSTREAM_SEND_BUFFER },
    requests: [chatRequest(REQUEST_BYTES, { stream: 'plain' })],
    warmUp: chatRequest(REQUEST_BYTES, { stream: 'plain', burst: true }),
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
function eventsOf({ streams, seconds, intervalMs }: StreamOptions): number {
  const openSeconds = Math.max(1, streams / OPENED_PER_SECOND);
  return Math.ceil(((openSeconds + seconds) * 1000) / intervalMs);
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
    await session.begin(one, { coldSeconds: 0.1, warmSeconds: 0.1 });
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

function byteFaults({ bytes }: Measurement, sizes: Sizes & { readonly streams: number }): string[] {
  const { streams, slow, bodyBytes, slowBodyBytes } = sizes;
  const expected = (streams - slow) * bodyBytes + slow * slowBodyBytes;
  return bytes === expected ? [] : [`${bytes} bytes arrived, and ${expected} were sent`];
}

interface Reported {
  readonly slow: number;
  readonly slowBodyBytes: number;
  readonly samples: readonly Sample[];
  readonly measurement: Measurement;
}

function report(options: StreamOptions, { slow, slowBodyBytes, samples, measurement }: Reported): string {
  const most = (value: (sample: Sample) => number | null) =>
    Math.max(...samples.map((sample) => value(sample) ?? Number.NEGATIVE_INFINITY));
  const idle = samples[0];
  const perStream = (peak: number, before: number | null | undefined, streams = options.streams) =>
    before == null || streams === 0 ? '–' : (((peak - before) * KIB) / streams).toFixed(1);
  const paused = most(({ upstream }) => upstream?.mostPaused ?? null);
  const pauses = most(({ upstream }) => upstream?.pauses ?? null);
  const peakMb = measurement.peakMb ?? Number.NaN;
  // What is held, and not what only waits for the next collection: the least while all were open and slow.
  const openSeconds = Math.max(1, options.streams / OPENED_PER_SECOND);
  const open = samples.filter(({ seconds }) => seconds > openSeconds && seconds < openSeconds + options.seconds);
  const held = (value: (sample: Sample) => number | null) =>
    Math.min(...open.map((sample) => value(sample) ?? Number.POSITIVE_INFINITY));
  const heapMb = held(({ heapUsedMb }) => heapUsedMb);
  const externalMb = held((sample) => sample.externalMb);
  const rows = [
    ['streams, of them read slowly', `${options.streams}, ${slow}`],
    ['first byte ms p50 / p99 / max', figures(measurement.firstMs)],
    ['event on its way ms p50 / p99 / max', figures(measurement.eventMs)],
    ['event loop late ms, worst p99 of half a second', most(({ loopDelayP99Ms }) => loopDelayP99Ms).toFixed(1)],
    ['event loop late ms, most', most(({ loopDelayMaxMs }) => loopDelayMaxMs).toFixed(1)],
    ['CPU µs per event', measurement.cpuMicrosPerEvent?.toFixed(1) ?? '–'],
    ['MiB resident: started, warmed up, peak', [measurement.idleMb, idle?.residentMb, peakMb].map(whole).join(', ')],
    ['KiB resident per stream over warmed up', perStream(peakMb, idle?.residentMb)],
    ['KiB resident per stream over started', perStream(peakMb, measurement.idleMb)],
    ['KiB of heap held per stream', perStream(heapMb, idle?.heapUsedMb)],
    ['KiB held beside the heap per slowly read stream', perStream(externalMb, idle?.externalMb, slow)],
    ['streams that the upstream had to pause, most at once', String(paused)],
    ['pauses', String(pauses)],
    ['MiB of a slowly read stream in all', (slowBodyBytes / KIB / KIB).toFixed(1)],
    ['errors', String(measurement.errors)],
  ];
  return markdown(['figure', 'value'], rows);
}

function whole(mb: number | null | undefined): string {
  return mb?.toFixed(0) ?? '–';
}

function figures(quantiles: Measurement['firstMs']): string {
  return quantiles === null
    ? '–'
    : [quantiles.p50, quantiles.p99, quantiles.max].map((ms) => ms.toFixed(1)).join(' / ');
}

await runBenchmark(main);
