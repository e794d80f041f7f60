import { mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MetertapVariant, metertap, metertapArguments } from './candidates.ts';
import { fillLedger } from './filled-ledger.ts';
import { GROWTH_HELP, type GrowthOptions, readGrowthOptions } from './growth-options.ts';
import { type Growth, growths } from './growths.ts';
import { filledUntil, type KeptLedger, oldestRecord } from './kept-ledger.ts';
import { ledgerFault } from './ledger-check.ts';
import { type Machine, prepareMachine } from './machine.ts';
import type { Measurement } from './measurement.ts';
import { checkNames } from './options.ts';
import { exitCodeOf, progress, runBenchmark, say, writeResults } from './output.ts';
import { freePort, listening } from './ports.ts';
import { bottleneckNote, cell, errorLines, markdown } from './report.ts';
import { runWorkload, warmUpOf } from './rounds.ts';
import { Session } from './session.ts';
import { spreadOf } from './statistics.ts';
import { type Workload, workloads } from './workloads.ts';

/** `npm run bench:growth`: what a call costs with much of something, beside what it costs with little. */

interface Measured {
  readonly growth: string;
  readonly measurements: readonly Measurement[];
}

async function main(): Promise<number> {
  const options = readGrowthOptions(process.argv.slice(2));
  if (options === null) {
    say(GROWTH_HELP);
    return 0;
  }
  const allWorkloads = workloads(options.seconds);
  const workloadNames = allWorkloads.map(({ name }) => name);
  checkNames('workload', options.workloads, workloadNames);
  const chosen = allWorkloads.filter(({ name }) => options.workloads.includes(name));
  const folder = mkdtempSync(join(tmpdir(), 'metertap-growth-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const all = growths(options, folder);
  const names = all.map(({ name }) => name);
  checkNames('growth', options.only, names);
  const machine = await prepareMachine();
  say(machine.note);

  const startedAt = new Date();
  const results: Measured[] = [];
  const faults: string[] = [];
  for (const growth of all) {
    if (options.only.length > 0 && !options.only.includes(growth.name)) continue;
    const { measurements, wrong } = await measureGrowth(machine, growth, chosen, options);
    results.push({ growth: growth.name, measurements });
    faults.push(...wrong, ...errorLines(measurements).map((line) => `${growth.name}: ${line}`));
    say(`\n### ${growth.name}\n\n${growth.title}.\n\n${growthTable(growth, chosen, measurements)}`);
  }
  say(`\n${bottleneckNote(results.flatMap(({ measurements }) => measurements))}`);
  const exitCode = exitCodeOf(faults);
  say(`\nWritten to ${writeResults('growth', options.output, { startedAt, options, results, faults })}`);
  return exitCode;
}

async function measureGrowth(
  machine: Machine,
  growth: Growth,
  chosen: readonly Workload[],
  options: GrowthOptions,
): Promise<{ measurements: Measurement[]; wrong: string[] }> {
  for (const { variant, filling } of growth.cases) {
    if (filling === null || variant.dataDir === undefined) continue;
    progress(`${growth.name}, ${variant.name}: filling a ledger`);
    const file = await emptyLedger(machine, variant, variant.dataDir);
    await fillLedger({ ...filling, file }, progress);
  }
  const kept = growth.cases.flatMap(({ variant, isKept }, index) =>
    isKept && variant.dataDir !== undefined ? [{ index, before: filledUntil(variant.dataDir, Date.now()) }] : [],
  );
  const oldest = oldestRecords(growth);
  for (const { before } of kept) progress(`${growth.name}: ${before.expected.calls} calls were there before`);
  const sessions = growth.cases.map(({ variant }) => new Session(machine, metertap(variant)));
  const measurements: Measurement[] = [];
  const wrong: string[] = [];
  try {
    for (const workload of chosen) {
      const { rounds, seconds, afterSeconds } = options;
      const result = await runWorkload(workload, sessions, {
        rounds,
        warmUp: warmUpOf({ quick: seconds < 3, seconds }),
        afterSeconds,
        progress,
      });
      measurements.push(...result.measured);
      wrong.push(...result.faults.map((fault) => `${growth.name}: ${fault}`));
    }
    wrong.push(
      ...(await fillingFaults(growth, sessions)),
      ...(await keptFaults(kept, sessions)),
      ...deletionFaults(growth, oldest),
    );
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
    for (const { variant, isKept } of growth.cases) {
      if (variant.dataDir !== undefined && !isKept) rmSync(variant.dataDir, { recursive: true, force: true });
    }
  }
  return { measurements, wrong };
}

/** What was filled in must be what Metertap tells of that time: else it was not the ledger that it seems to be. */
async function fillingFaults(growth: Growth, sessions: readonly Session[]): Promise<string[]> {
  const faults: string[] = [];
  for (const [index, { variant, filling }] of growth.cases.entries()) {
    const port = sessions[index]?.port ?? 0;
    if (filling === null || port === 0) continue;
    const expected = { calls: filling.records, inputTokens: filling.records * 1200 };
    const fault = await ledgerFault(port, expected, filling);
    if (fault !== null) faults.push(`${growth.name}, ${variant.name}, as it was filled: ${fault}`);
  }
  return faults;
}

/** What was in a ledger before must be told of it afterwards. */
async function keptFaults(
  kept: readonly { readonly index: number; readonly before: KeptLedger }[],
  sessions: readonly Session[],
): Promise<string[]> {
  const faults: string[] = [];
  for (const { index, before } of kept) {
    const session = sessions[index];
    const fault = session === undefined ? null : await ledgerFault(session.port, before.expected, before.span);
    if (fault !== null) faults.push(`${session?.candidate.name}, as it was before: ${fault}`);
  }
  return faults;
}

/** Of each ledger that had records before, the oldest. */
function oldestRecords(growth: Growth): ReadonlyMap<string, string | null> {
  const folders = growth.cases.flatMap(({ variant }) => variant.dataDir ?? []);
  return new Map(folders.map((dataDir) => [dataDir, oldestRecord(dataDir)]));
}

/** Sums stay where retention deletes records. Its work must not be taken for that of the calls. */
function deletionFaults(growth: Growth, before: ReadonlyMap<string, string | null>): string[] {
  const now = oldestRecords(growth);
  return growth.cases.flatMap(({ variant: { name, dataDir = '' } }) =>
    now.get(dataDir) === before.get(dataDir)
      ? []
      : [`${growth.name}, ${name}: records were deleted while it was measured`],
  );
}

/** Lets a Metertap make its ledger, and stops it. Gives the ledger's file. */
async function emptyLedger(machine: Machine, variant: MetertapVariant, dataDir: string): Promise<string> {
  mkdirSync(dataDir, { recursive: true });
  const place = { port: await freePort(), upstreamPort: 9, folder: dataDir };
  const log = openSync(join(dataDir, 'filling.log'), 'a');
  const command = [process.execPath, ...metertapArguments({ ...variant, dataDir }, place)];
  const running = machine.processes.start({ command, env: {}, folder: dataDir, core: null, output: log, errors: log });
  await listening(place.port, running, { patienceMs: variant.startPatienceMs });
  await machine.processes.stop(running);
  return join(dataDir, 'metertap.db');
}

function growthTable(growth: Growth, chosen: readonly Workload[], all: readonly Measurement[]): string {
  const rows = chosen.flatMap((workload) => {
    const own = all.filter((measurement) => measurement.workload === workload.name);
    const roundsOf = (name: string) => own.filter(({ candidate }) => candidate === name);
    const small = roundsOf(growth.cases[0]?.variant.name ?? '');
    return growth.cases.map(({ variant }) => {
      const rounds = roundsOf(variant.name);
      const ratios = rounds.map((round) =>
        ratio(
          round,
          small.find((other) => other.round === round.round),
        ),
      );
      const figure = (value: (round: Measurement) => number | null, digits: number) =>
        cell(spreadOf(rounds.map(value)), digits);
      return [
        workload.name,
        variant.name,
        figure((round) => round.cpuMicrosPerCall, 1),
        cell(spreadOf(ratios), 2),
        figure((round) => round.callsPerSecond, 0),
        figure((round) => round.lastMs?.p50 ?? null, 2),
        figure((round) => round.lastMs?.p99 ?? null, 1),
        figure((round) => round.loopDelayMs?.p99 ?? null, 1),
        figure((round) => round.startMs, 0),
        figure((round) => round.peakMb, 0),
      ];
    });
  });
  const header = ['workload', 'with', 'µs CPU/call', '× small', 'calls/s', 'last byte ms p50', 'p99'];
  return markdown([...header, 'loop delay ms p99', 'start ms', 'MiB peak'], rows);
}

function ratio(own: Measurement, small: Measurement | undefined): number | null {
  if (own.cpuMicrosPerCall === null || small?.cpuMicrosPerCall == null) return null;
  return own.cpuMicrosPerCall / small.cpuMicrosPerCall;
}

await runBenchmark(main);
