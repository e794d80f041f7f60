import { metertap } from './candidates.ts';
import { type Machine, prepareMachine } from './machine.ts';
import type { Measurement } from './measurement.ts';
import { exitCodeOf, progress, runBenchmark, say, writeResults } from './output.ts';
import { cell, errorLines, markdown } from './report.ts';
import { runWorkload, warmUpOf } from './rounds.ts';
import { Session } from './session.ts';
import { readStartOptions, START_HELP, type StartOptions } from './start-options.ts';
import { type PartFigures, type RestFigures, START_KINDS, type StartFigures, Starts } from './starts.ts';
import { spreadOf } from './statistics.ts';
import { workloads } from './workloads.ts';

/** `npm run bench:start`: from the start to the first served call, its parts, and what is held at rest. */

const LOAD = ['json-1k', 'paced-500'];

interface SemiSpace {
  readonly size: string;
  readonly rest: RestFigures;
  readonly measurements: readonly Measurement[];
}

async function main(): Promise<number> {
  const options = readStartOptions(process.argv.slice(2));
  if (options === null) {
    say(START_HELP);
    return 0;
  }
  const machine = await prepareMachine();
  say(machine.note);
  const startedAt = new Date();
  const starts = new Starts(machine);
  const figures: StartFigures[] = [];
  const parts: PartFigures[] = [];
  const semiSpaces: SemiSpace[] = [];
  const faults: string[] = [];
  try {
    await starts.open();
    await starts.rest(0); // fills the cache of compiled sources
    for (let round = 1; round <= options.rounds; round++) {
      for (const kind of START_KINDS) {
        const start = await starts.start(kind, round);
        progress(`${round}/${options.rounds} ${kind.name}: first call after ${start.firstCallMs.toFixed(0)} ms`);
        figures.push(start);
      }
      parts.push(...(await starts.parts(round)));
    }
    say(`\n### Start\n\n${startTable(figures)}`);
    say(`\n### Parts, each alone, Node with it\n\n${partTable(parts)}`);
    progress(`resting for ${options.idleSeconds} s`);
    const rest = await starts.rest(options.idleSeconds);
    say(`\n### At rest, ${options.idleSeconds} s after the only call\n\n${restTable(rest)}`);
    const compared = await measureSemiSpaces(machine, starts, options);
    semiSpaces.push(...compared.spaces);
    faults.push(...compared.wrong);
    if (semiSpaces.length > 0) say(`\n### Sizes of V8's semi-space\n\n${semiSpaceTable(semiSpaces)}`);
    const exitCode = exitCodeOf(faults);
    const results = { startedAt, options, starts: figures, parts, rest, semiSpaces, faults };
    say(`\nWritten to ${writeResults('start', options.output, results)}`);
    return exitCode;
  } finally {
    await starts.close();
  }
}

/** At rest one after the other, under load interleaved. */
async function measureSemiSpaces(
  machine: Machine,
  starts: Starts,
  options: StartOptions,
): Promise<{ spaces: SemiSpace[]; wrong: string[] }> {
  const { rounds, seconds } = options;
  const flags = (size: string) => [`--max-semi-space-size=${size === 'default' ? 0 : size}`]; // 0: as V8 has it
  const rests = new Map<string, RestFigures>();
  for (const size of options.semiSpaces) {
    progress(`semi-space ${size}: resting for ${options.idleSeconds} s`);
    rests.set(size, await starts.rest(options.idleSeconds, flags(size)));
  }
  const sessions = options.semiSpaces.map((size) => {
    const variant = { name: size, title: `semi-space ${size}`, nodeOptions: flags(size) };
    return new Session(machine, metertap(variant));
  });
  const measurements: Measurement[] = [];
  const wrong: string[] = [];
  try {
    for (const workload of workloads(seconds).filter(({ name }) => LOAD.includes(name))) {
      const warmUp = warmUpOf({ quick: seconds < 3, seconds });
      const result = await runWorkload(workload, sessions, { rounds, warmUp, progress });
      measurements.push(...result.measured);
      wrong.push(...result.faults, ...errorLines(result.measured));
    }
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
  const spaces = [...rests].map(([size, rest]) => ({
    size,
    rest,
    measurements: measurements.filter(({ candidate }) => candidate === size),
  }));
  return { spaces, wrong };
}

function startTable(all: readonly StartFigures[]): string {
  const rows = START_KINDS.map(({ name }) => {
    const own = all.filter(({ kind }) => kind === name);
    const figure = (value: (start: StartFigures) => number | null) => cell(spreadOf(own.map(value)), 0);
    return [
      name,
      figure(({ listeningMs }) => listeningMs),
      figure(({ firstCallMs }) => firstCallMs),
      figure(({ cpuMs }) => cpuMs),
      figure(({ residentMb }) => residentMb),
    ];
  });
  return markdown(['start', 'listens after ms', 'first call after ms', 'CPU ms', 'MiB resident, with npm'], rows);
}

function partTable(all: readonly PartFigures[]): string {
  const rows = [...new Set(all.map(({ part }) => part))].map((part) => {
    const own = all.filter((figures) => figures.part === part);
    const figure = (value: (figures: PartFigures) => number) => cell(spreadOf(own.map(value)), 0);
    return [part, figure(({ wallMs }) => wallMs), figure(({ cpuMs }) => cpuMs), figure(({ residentMb }) => residentMb)];
  });
  return markdown(['part', 'ms', 'CPU ms', 'MiB resident'], rows);
}

function restTable({ residentMb, memory }: RestFigures): string {
  const mb = (value: number | null | undefined) => value?.toFixed(1) ?? '–';
  const threads = memory?.threads ?? [];
  return markdown(
    ['what', 'heap MiB', 'of it used', 'beside the heap MiB'],
    [
      ['main thread', mb(memory?.heapTotalMb), mb(memory?.heapUsedMb), mb(memory?.externalMb)],
      ...threads.map((thread) => [thread.name, mb(thread.heapTotalMb), mb(thread.heapUsedMb), mb(thread.externalMb)]),
      ['resident in all', mb(residentMb), '', ''],
    ],
  );
}

function semiSpaceTable(all: readonly SemiSpace[]): string {
  const rows = all.map(({ size, rest, measurements }) => {
    const figure = (name: string, value: (round: Measurement) => number | null, digits: number) =>
      cell(spreadOf(measurements.filter(({ workload }) => workload === name).map(value)), digits);
    return [
      size === 'default' ? size : `${size} MiB`,
      rest.residentMb?.toFixed(0) ?? '–',
      ...LOAD.flatMap((name) => [
        figure(name, (round) => round.cpuMicrosPerCall, 1),
        figure(name, (round) => round.loopDelayMs?.p99 ?? null, 1),
        figure(name, (round) => round.loopDelayMs?.max ?? null, 0),
        figure(name, (round) => round.peakMb, 0),
      ]),
    ];
  });
  const loaded = LOAD.flatMap((name) => [`${name} µs CPU/call`, 'loop delay ms p99', 'max', 'MiB peak']);
  return markdown(['semi-space', 'MiB at rest', ...loaded], rows);
}

await runBenchmark(main);
