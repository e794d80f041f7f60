import { type ParseArgsConfig, parseArgs } from 'node:util';
import { namesOf, positiveNumber } from './options.ts';

export interface SeveralOptions {
  /** How many processes, each as a candidate of its own; one is always among them. */
  readonly processes: readonly number[];
  readonly workloads: readonly string[];
  readonly connections: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly redis: boolean;
  readonly output: string | null;
}

export const SEVERAL_HELP = `Usage: npm run bench:processes -- [options]

What several processes on one port, over one ledger file, give over one; and whether their totals agree to the record.

  --processes A,B    how many processes (1,2)
  --no-redis         not with rates in Redis too; without redis-server on the PATH that is left out by itself
  --workload A,B     workloads (json-1k,chat-burst)
  --connections N    connections of the clients (128)
  --rounds N         rounds of each measurement (2)
  --seconds N        length of one measurement (1)
  --output FILE      where the JSON goes (bench/results/processes-<date>.json)
  --help             this text

Load generator and upstream need a core of their own: with fewer cores than processes and one more, all share all cores,
and the calls/s of several processes are a lower bound.
`;

const OPTIONS = {
  processes: { type: 'string', default: '1,2' },
  'no-redis': { type: 'boolean', default: false },
  workload: { type: 'string', multiple: true, default: [] },
  connections: { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  output: { type: 'string' },
  help: { type: 'boolean', default: false },
} satisfies ParseArgsConfig['options'];

/** Reads the command line; null where it asks for help. @throws Error naming the option that cannot be read */
export function readSeveralOptions(args: readonly string[]): SeveralOptions | null {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return null;
  const processes = namesOf([values.processes]).map((text) => positiveNumber('processes', text, 1));
  return {
    processes: [...new Set([1, ...processes])].sort((a, b) => a - b),
    workloads: namesOf(values.workload.length > 0 ? values.workload : ['json-1k,chat-burst']),
    connections: positiveNumber('connections', values.connections, 128),
    rounds: positiveNumber('rounds', values.rounds, 2),
    seconds: positiveNumber('seconds', values.seconds, 1),
    redis: !values['no-redis'],
    output: values.output ?? null,
  };
}
