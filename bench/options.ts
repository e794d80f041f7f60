import { type ParseArgsConfig, parseArgs } from 'node:util';

export interface BenchOptions {
  readonly quick: boolean;
  readonly rounds: number;
  /** How long each measurement lasts. */
  readonly seconds: number;
  /** Names; empty: all. */
  readonly workloads: readonly string[];
  readonly candidates: readonly string[];
  /** `name=command`: anything that serves `PORT` and forwards to `UPSTREAM_URL`. */
  readonly peers: readonly NamedCommand[];
  /** `name=folder [node options]`: Metertap of another checkout, or with other options of Node. */
  readonly trees: readonly NamedCommand[];
  /** Folder for CPU profiles of the candidates that run on Node; null: no profiles. */
  readonly cpuProfileFolder: string | null;
  /** File for the results; null: bench/results/<date>.json. */
  readonly output: string | null;
}

export interface NamedCommand {
  readonly name: string;
  readonly command: string;
}

export const HELP = `Usage: npm run bench -- [options]

Runs every candidate on every workload, interleaved, and prints what each costs.

  --quick              one short round of everything, in under three minutes
  --rounds N           rounds of each measurement (3; with --quick 1)
  --seconds N          length of one measurement (3; with --quick 0.7); at a fixed rate three times that,
                       but not with --quick
  --workload A,B       only these workloads
  --candidate A,B      only these candidates
  --peer 'NAME=COMMAND …'
                       a further candidate: a shell command that listens on 127.0.0.1:$PORT and forwards to
                       $UPSTREAM_URL (http://127.0.0.1:<port>, without a path); may be repeated
  --tree 'NAME=FOLDER [NODE OPTIONS]'
                       a further candidate: Metertap as it is in FOLDER; may be repeated
  --cpu-prof FOLDER    writes CPU profiles of the candidates that run on Node
  --output FILE        where the JSON goes (bench/results/<date>.json)
  --help               this text

Workloads and candidates are listed in docs/performance.md.
`;

/** So that all candidates on all workloads come to less than three minutes. */
const QUICK_SECONDS = 0.7;

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  workload: { type: 'string', multiple: true, default: [] },
  candidate: { type: 'string', multiple: true, default: [] },
  peer: { type: 'string', multiple: true, default: [] },
  tree: { type: 'string', multiple: true, default: [] },
  'cpu-prof': { type: 'string' },
  output: { type: 'string' },
  help: { type: 'boolean', default: false },
} satisfies ParseArgsConfig['options'];

/** Reads the command line; null where it asks for help. @throws Error naming the option that cannot be read */
export function readOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return null;
  return {
    quick: values.quick,
    rounds: positiveNumber('rounds', values.rounds, values.quick ? 1 : 3),
    seconds: positiveNumber('seconds', values.seconds, values.quick ? QUICK_SECONDS : 3),
    workloads: namesOf(values.workload),
    candidates: namesOf(values.candidate),
    peers: values.peer.map((text) => namedCommand('peer', text)),
    trees: values.tree.map((text) => namedCommand('tree', text)),
    cpuProfileFolder: values['cpu-prof'] ?? null,
    output: values.output ?? null,
  };
}

/** Refuses names that nothing has. @throws Error listing the names there are */
export function checkNames(kind: string, asked: readonly string[], known: readonly string[]): void {
  for (const name of asked) {
    if (!known.includes(name)) throw new Error(`There is no ${kind} '${name}'. There are: ${known.join(', ')}.`);
  }
}

/** Reads a number. @throws Error where it is none above 0 */
export function positiveNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0.`);
  return value;
}

/** Names out of lists of them, separated by commas. */
export function namesOf(lists: readonly string[]): string[] {
  return lists.flatMap((list) => list.split(',')).filter((name) => name !== '');
}

/** Reads `name=command`. @throws Error */
export function namedCommand(option: string, text: string): NamedCommand {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new Error(`--${option} must be written as 'name=…'.`);
  return { name: text.slice(0, equals), command: text.slice(equals + 1) };
}
