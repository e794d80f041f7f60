import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Candidate, metertapProcesses } from './candidates.ts';
import { type Machine, prepareMachine } from './machine.ts';
import type { Measurement } from './measurement.ts';
import { checkNames } from './options.ts';
import { exitCodeOf, progress, runBenchmark, say, writeResults } from './output.ts';
import { freePort, listening } from './ports.ts';
import { allowedCores } from './processes.ts';
import { bottleneckNote, cell, errorLines, markdown } from './report.ts';
import { runWorkload, warmUpOf } from './rounds.ts';
import { Session } from './session.ts';
import { readSeveralOptions, SEVERAL_HELP, type SeveralOptions } from './several-options.ts';
import { spreadOf } from './statistics.ts';
import { findProgram } from './tools.ts';
import { type Workload, workloads } from './workloads.ts';

/** `npm run bench:processes`: several processes on one port, over one ledger file. */

async function main(): Promise<number> {
  const options = readSeveralOptions(process.argv.slice(2));
  if (options === null) {
    say(SEVERAL_HELP);
    return 0;
  }
  const allWorkloads = workloads(options.seconds);
  const names = allWorkloads.map(({ name }) => name);
  checkNames('workload', options.workloads, names);
  const chosen = allWorkloads
    .filter(({ name }) => options.workloads.includes(name))
    .map((workload) => ({ ...workload, load: { ...workload.load, connections: options.connections } }));
  const machine = spreadOut(await prepareMachine(), options);
  say(machine.note);
  const redis = options.redis ? await startRedis(machine) : null;
  const present = severalCandidates(options, { cores: processCores(options), redisUrl: redis?.url ?? null });

  const startedAt = new Date();
  const sessions = present.map((candidate) => new Session(machine, candidate));
  const measurements: Measurement[] = [];
  const faults: string[] = [];
  try {
    for (const workload of chosen) {
      const { rounds, seconds } = options;
      const warmUp = warmUpOf({ quick: seconds < 3, seconds });
      const result = await runWorkload(workload, sessions, { rounds, warmUp, progress });
      measurements.push(...result.measured);
      faults.push(...result.faults);
      say(`\n### ${workload.name}\n\n${workload.title}; ${options.connections} connections here.\n`);
      say(severalTable(workload, present, result.measured));
    }
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
    await redis?.stop();
  }
  faults.push(...errorLines(measurements));
  say(`\n${bottleneckNote(measurements)}`);
  if (faults.length === 0) say('\nThe totals of every ledger agree with the load generator, to the record.');
  const exitCode = exitCodeOf(faults);
  say(`\nWritten to ${writeResults('processes', options.output, { startedAt, options, measurements, faults })}`);
  return exitCode;
}

/** The cores of the processes, one each, where one more is left for load generator and upstream; else null. */
function processCores({ processes }: SeveralOptions): number[] | null {
  const cores = allowedCores();
  const most = Math.max(...processes);
  return cores.length > most && findProgram('taskset') !== null ? cores.slice(0, most) : null;
}

function spreadOut(machine: Machine, options: SeveralOptions): Machine {
  const cores = processCores(options);
  const otherCore = cores === null ? null : (allowedCores()[cores.length] ?? null);
  const [first = ''] = machine.note.split('\n');
  const pinning =
    cores === null
      ? 'Too few cores to pin: processes, load generator and upstream share all of them.'
      : `Processes run on cores ${cores.join(', ')}, load generator and upstream on core ${otherCore}.`;
  return { ...machine, candidateCore: null, otherCore, note: `${first}\n${pinning}` };
}

function severalCandidates(
  { processes }: SeveralOptions,
  { cores, redisUrl }: { readonly cores: readonly number[] | null; readonly redisUrl: string | null },
): Candidate[] {
  const shared = [
    { suffix: '', settings: '' },
    ...(redisUrl === null ? [] : [{ suffix: ', Redis', settings: `redis_url: ${redisUrl}\n` }]),
  ];
  return shared.flatMap(({ suffix, settings }) =>
    processes.map((count) => {
      const name = `${count} ${count === 1 ? 'process' : 'processes'}${suffix}`;
      return metertapProcesses({ name, title: name, settings }, count, cores);
    }),
  );
}

/** A Redis that keeps nothing; null where there is none. */
async function startRedis({ processes, otherCore }: Machine): Promise<{ url: string; stop(): Promise<void> } | null> {
  const program = findProgram('redis-server');
  if (program === null) {
    say('Skipped: rates in Redis: redis-server is not on the PATH.');
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), 'metertap-bench-redis-'));
  const port = await freePort();
  const log = openSync(join(folder, 'redis.log'), 'a');
  const command = [program, '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const running = processes.start({ command, env: {}, folder, core: otherCore, output: log, errors: log });
  await listening(port, running);
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      await processes.stop(running);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Each beside one process of its kind. */
function severalTable(workload: Workload, present: readonly Candidate[], all: readonly Measurement[]): string {
  const own = all.filter((measurement) => measurement.workload === workload.name);
  const rows = present.map(({ name }) => {
    const rounds = own.filter(({ candidate }) => candidate === name);
    const one = `1 process${name.endsWith(', Redis') ? ', Redis' : ''}`;
    const ratios = rounds.map(({ round, callsPerSecond }) => {
      const single = own.find((other) => other.candidate === one && other.round === round);
      return single === undefined ? null : callsPerSecond / single.callsPerSecond;
    });
    const figure = (value: (round: Measurement) => number | null, digits: number) =>
      cell(spreadOf(rounds.map(value)), digits);
    return [
      name,
      figure((round) => round.callsPerSecond, 0),
      cell(spreadOf(ratios), 2),
      figure((round) => round.cpuMicrosPerCall, 1),
      figure((round) => round.coreShare, 2),
      figure((round) => round.lastMs?.p50 ?? null, 2),
      figure((round) => round.lastMs?.p99 ?? null, 1),
      figure((round) => round.peakMb, 0),
      figure((round) => round.errors, 0),
    ];
  });
  const header = ['candidate', 'calls/s', '× one', 'µs CPU/call', 'cores used', 'last byte ms p50', 'p99'];
  return markdown([...header, 'MiB peak', 'errors'], rows);
}

await runBenchmark(main);
