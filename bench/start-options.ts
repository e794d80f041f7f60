import { type ParseArgsConfig, parseArgs } from 'node:util';
import { namesOf, positiveNumber } from './options.ts';

export interface StartOptions {
  readonly rounds: number;
  readonly idleSeconds: number;
  /** Sizes of V8's semi-space in MiB, or `default`; empty: they are not compared. */
  readonly semiSpaces: readonly string[];
  readonly seconds: number;
  readonly output: string | null;
}

export const START_HELP = `Usage: npm run bench:start -- [options]

How long it takes from the start to the first served call, what the parts of it cost, and what is held at rest.

  --rounds N           starts of each kind (3)
  --idle-seconds N     rest before memory is looked at (12; a thread that reads the ledger ends after 10)
  --semi-space A,B     compares sizes of V8's semi-space, in MiB or 'default', at rest and under load:
                       1,2,4,8,16,default. Not done without it
  --seconds N          length of a measurement under load (2)
  --output FILE        where the JSON goes (bench/results/start-<date>.json)
  --help               this text
`;

const OPTIONS = {
  rounds: { type: 'string' },
  'idle-seconds': { type: 'string' },
  'semi-space': { type: 'string', multiple: true, default: [] },
  seconds: { type: 'string' },
  output: { type: 'string' },
  help: { type: 'boolean', default: false },
} satisfies ParseArgsConfig['options'];

/** Reads the command line; null where it asks for help. @throws Error naming the option that cannot be read */
export function readStartOptions(args: readonly string[]): StartOptions | null {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return null;
  const semiSpaces = namesOf(values['semi-space']);
  for (const size of semiSpaces) {
    if (size !== 'default' && !/^[1-9]\d{0,2}$/.test(size)) {
      throw new Error(`--semi-space takes whole MiB or 'default', not '${size}'.`);
    }
  }
  return {
    rounds: positiveNumber('rounds', values.rounds, 3),
    idleSeconds: positiveNumber('idle-seconds', values['idle-seconds'], 12),
    semiSpaces,
    seconds: positiveNumber('seconds', values.seconds, 2),
    output: values.output ?? null,
  };
}
