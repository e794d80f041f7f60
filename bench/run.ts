import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { type Candidate, candidates } from './candidates.ts';
import type { Measurement } from './measurement.ts';
import { type BenchOptions, checkNames, HELP, readOptions } from './options.ts';
import { allowedCores, Processes } from './processes.ts';
import { bottleneckNote, errorLines, ratioTable, workloadTable } from './report.ts';
import { type Machine, Session, type WarmUp } from './session.ts';
import { findProgram, findTools } from './tools.ts';
import { type Workload, workloads } from './workloads.ts';

/** `npm run bench`: see docs/performance.md. */

const processes = new Processes();
process.on('exit', () => processes.killAll());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

const say = (text: string) => void process.stdout.write(`${text}\n`);
const progress = (text: string) => void process.stderr.write(`${text}\n`);

/** Runs the benchmark. Gives the exit code: 0, or 1 where something went wrong. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    say(HELP);
    return 0;
  }
  const allWorkloads = workloads(options.seconds);
  const allCandidates = candidates(options);
  checkNames(
    'workload',
    options.workloads,
    allWorkloads.map(({ name }) => name),
  );
  checkNames(
    'candidate',
    options.candidates,
    allCandidates.map(({ name }) => name),
  );
  const chosen = allWorkloads.filter(({ name }) => isChosen(name, options.workloads));
  const machine = await prepareMachine();
  const present = await presentCandidates(allCandidates.filter(({ name }) => isChosen(name, options.candidates)));

  const startedAt = new Date();
  const sessions = present.map((candidate) => new Session(machine, candidate));
  const measurements: Measurement[] = [];
  const faults: string[] = [];
  try {
    for (const workload of chosen) {
      const { measured, wrong } = await runWorkload(workload, sessions, options);
      measurements.push(...measured);
      faults.push(...wrong);
      say(`\n${workloadTable(workload, present, measured)}`);
    }
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
  faults.push(...errorLines(measurements));
  say(`\n## CPU per call beside the bare pipe\n\n${ratioTable(chosen, present, measurements)}\n`);
  say(bottleneckNote(measurements));
  if (faults.length > 0) say(`\nErrors:\n${faults.map((fault) => `- ${fault}`).join('\n')}`);
  const file =
    options.output ?? join(import.meta.dirname, 'results', `${startedAt.toISOString().replaceAll(':', '-')}.json`);
  writeResults(file, { startedAt, options, measurements, faults });
  say(`\nWritten to ${file}`);
  return faults.length > 0 ? 1 : 0;
}

function isChosen(name: string, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.includes(name);
}

async function prepareMachine(): Promise<Machine> {
  const tools = await findTools();
  const [candidateCore, otherCore] = allowedCores();
  const isPinned = candidateCore !== undefined && otherCore !== undefined && findProgram('taskset') !== null;
  say(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${allowedCores().length || cpus().length} cores, Node ${process.version}.`,
  );
  say(tools.note);
  say(
    isPinned
      ? `Candidates run on core ${candidateCore}, load generator and upstream on core ${otherCore}.`
      : 'Nothing is pinned to a core: that needs taskset and two cores. Candidates and load disturb each other.',
  );
  return {
    processes,
    tools,
    candidateCore: isPinned ? candidateCore : null,
    otherCore: isPinned ? otherCore : null,
  };
}

async function presentCandidates(wanted: readonly Candidate[]): Promise<Candidate[]> {
  const present: Candidate[] = [];
  for (const candidate of wanted) {
    const missing = await candidate.missing();
    if (missing === null) present.push(candidate);
    else say(`Skipped: ${candidate.name}: ${missing}.`);
  }
  say(`Candidates: ${present.map(({ name, title }) => `${name} (${title})`).join('; ')}.`);
  return present;
}

/** All rounds of one workload. Candidates that are not measured at the moment are idle. */
async function runWorkload(
  workload: Workload,
  sessions: readonly Session[],
  options: BenchOptions,
): Promise<{ measured: Measurement[]; wrong: string[] }> {
  const measured: Measurement[] = [];
  const wrong: string[] = [];
  const note = (session: Session, fault: unknown) =>
    wrong.push(`${workload.name}, ${session.candidate.name}: ${fault instanceof Error ? fault.message : fault}`);
  const ready: Session[] = [];
  for (const session of sessions) {
    await session.begin(workload, warmUpOf(options)).then(
      () => ready.push(session),
      (fault: unknown) => note(session, fault),
    );
  }
  for (let round = 1; round <= options.rounds; round++) {
    // Another one begins in each round, so that nobody always comes after the same neighbour.
    for (const session of rotated(ready, round - 1)) {
      await session.measure(round).then(
        (measurement) => {
          measured.push(measurement);
          progress(`${workload.name} ${round}/${options.rounds} ${session.candidate.name}: ${summary(measurement)}`);
        },
        (fault: unknown) => note(session, fault),
      );
    }
  }
  for (const session of ready) {
    const fault = await session.ledgerFault();
    if (fault !== null) note(session, fault);
  }
  return { measured, wrong };
}

/** Node comes to speed only after some ten thousand calls. */
function warmUpOf({ quick, seconds }: BenchOptions): WarmUp {
  return quick
    ? { coldSeconds: Math.min(1.5, seconds), warmSeconds: 0.3 }
    : { coldSeconds: Math.max(6, seconds), warmSeconds: 1.5 };
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const first = by % Math.max(1, items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}

function summary(measurement: Measurement): string {
  const cpu = measurement.cpuMicrosPerCall;
  const errors = measurement.errorText === null ? '' : `, errors: ${measurement.errorText}`;
  return `${measurement.callsPerSecond.toFixed(0)} calls/s${cpu === null ? '' : `, ${cpu.toFixed(1)} µs CPU/call`}${errors}`;
}

interface Results {
  readonly startedAt: Date;
  readonly options: BenchOptions;
  readonly measurements: readonly Measurement[];
  readonly faults: readonly string[];
}

function writeResults(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true });
  const machine = { processor: cpus()[0]?.model ?? null, cores: allowedCores().length, node: process.version };
  writeFileSync(file, `${JSON.stringify({ machine, ...results }, null, 2)}\n`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  return 2;
});
