import { type ParseArgsConfig, parseArgs } from 'node:util';
import { namesOf, positiveNumber } from './options.ts';

export interface GrowthOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** So long after the calls what they have left to be done counts. */
  readonly afterSeconds: number;
  /** Names of `GROWTHS`; empty: all. */
  readonly only: readonly string[];
  readonly workloads: readonly string[];
  readonly records: number;
  readonly runs: number;
  readonly keys: number;
  readonly rules: number;
  /** A data folder that is the large ledger; null: one is filled. */
  readonly ledger: string | null;
  readonly output: string | null;
}

/** Longer than anything waits to be moved to roll-ups and runs: else calls would be measured without what they add there. */
const AFTER_SECONDS = 16;

export const GROWTH_HELP = `Usage: npm run bench:growth -- [options]

What a call costs when there is much of something, beside what it costs when there is little, interleaved. What a call
leaves to be done counts too: each measurement goes on for a while after its calls.

  --full             10,000,000 records, 1,000,000 runs, 100,000 keys, 5,000 rules; three rounds of five seconds.
                     Needs some 10 GB of disk and several minutes before the first measurement; --only and --workload
                     take it in parts
  --records N        records in the large ledger (100,000)
  --ledger FOLDER    takes the data folder of a Metertap that does not run for the large ledger, instead of filling one:
                     what "npm run bench:reports -- --data" leaves, say. The calls are added to it
  --runs N           runs in the ledger with many (10,000); each has one record
  --keys N           static keys in the configuration (1,000)
  --rules N          limit rules in the configuration (500)
  --only A,B         only some of: ledger, runs, keys, rules
  --workload A,B     only some of the workloads (json-1k, chat-burst)
  --rounds N         rounds of each measurement (2)
  --seconds N        length of one measurement (1)
  --after N          seconds after the calls that count (16, longer than anything waits to be moved to roll-ups and runs)
  --output FILE      where the JSON goes (bench/results/growth-<date>.json)
  --help             this text
`;

const OPTIONS = {
  full: { type: 'boolean', default: false },
  records: { type: 'string' },
  ledger: { type: 'string' },
  runs: { type: 'string' },
  keys: { type: 'string' },
  rules: { type: 'string' },
  only: { type: 'string', multiple: true, default: [] },
  workload: { type: 'string', multiple: true, default: [] },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  after: { type: 'string' },
  output: { type: 'string' },
  help: { type: 'boolean', default: false },
} satisfies ParseArgsConfig['options'];

/** Reads the command line; null where it asks for help. @throws Error naming the option that cannot be read */
export function readGrowthOptions(args: readonly string[]): GrowthOptions | null {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return null;
  const size = (small: number, full: number) => (values.full ? full : small);
  return {
    rounds: positiveNumber('rounds', values.rounds, size(2, 3)),
    seconds: positiveNumber('seconds', values.seconds, size(1, 5)),
    afterSeconds: positiveNumber('after', values.after, AFTER_SECONDS),
    only: namesOf(values.only),
    workloads: namesOf(values.workload.length > 0 ? values.workload : ['json-1k,chat-burst']),
    records: positiveNumber('records', values.records, size(100_000, 10_000_000)),
    ledger: values.ledger ?? null,
    runs: positiveNumber('runs', values.runs, size(10_000, 1_000_000)),
    keys: positiveNumber('keys', values.keys, size(1_000, 100_000)),
    rules: positiveNumber('rules', values.rules, size(500, 5_000)),
    output: values.output ?? null,
  };
}
