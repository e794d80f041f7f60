import { type Candidate, candidates } from './candidates.ts';
import { prepareMachine } from './machine.ts';
import type { Measurement } from './measurement.ts';
import { checkNames, HELP, readOptions } from './options.ts';
import { exitCodeOf, progress, runBenchmark, say, writeResults } from './output.ts';
import { bottleneckNote, errorLines, ratioTable, workloadTable } from './report.ts';
import { runWorkload, warmUpOf } from './rounds.ts';
import { Session } from './session.ts';
import { workloads } from './workloads.ts';

/** `npm run bench`: see docs/performance.md. */

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    say(HELP);
    return 0;
  }
  const allWorkloads = options.quick ? workloads(options.seconds, options.seconds) : workloads(options.seconds);
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
  say(machine.note);
  const present = await presentCandidates(allCandidates.filter(({ name }) => isChosen(name, options.candidates)));

  const startedAt = new Date();
  const sessions = present.map((candidate) => new Session(machine, candidate));
  const measurements: Measurement[] = [];
  const faults: string[] = [];
  try {
    for (const workload of chosen) {
      const rounds = await runWorkload(workload, sessions, {
        rounds: options.rounds,
        warmUp: warmUpOf(options),
        progress,
      });
      measurements.push(...rounds.measured);
      faults.push(...rounds.faults);
      say(`\n${workloadTable(workload, present, rounds.measured)}`);
    }
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
  faults.push(...errorLines(measurements));
  say(`\n## CPU per call beside the bare pipe\n\n${ratioTable(chosen, present, measurements)}\n`);
  say(bottleneckNote(measurements));
  const exitCode = exitCodeOf(faults);
  say(`\nWritten to ${writeResults('bench', options.output, { startedAt, options, measurements, faults })}`);
  return exitCode;
}

function isChosen(name: string, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.includes(name);
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

await runBenchmark(main);
