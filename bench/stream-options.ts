import { type ParseArgsConfig, parseArgs } from 'node:util';
import { BASELINE } from './candidates.ts';
import { type NamedCommand, namedCommand, namesOf, positiveNumber } from './options.ts';

export interface StreamOptions {
  readonly streams: number;
  /** Slow readers, in percent of the streams. */
  readonly slowPercent: number;
  /** How long all streams are open together. */
  readonly seconds: number;
  readonly intervalMs: number;
  /** Bytes in each event of a stream that is read slowly. */
  readonly eventBytes: number;
  /** Names, as in `npm run bench`. */
  readonly candidates: readonly string[];
  readonly trees: readonly NamedCommand[];
  readonly cpuProfileFolder: string | null;
  readonly output: string | null;
}

const OPENED_PER_SECOND = 1000;

export const STREAMS_HELP = `Usage: npm run bench:streams -- [options]

Many open streams at once, slow readers among them: what a stream holds, how late the event loop is, whether the
upstreams of slow readers are paused, and whether every byte and every record is there at the end.

  --full             5,000 streams, a tenth of them read slowly, open together for 20 seconds
  --streams N        streams (500)
  --slow-percent N   share of slow readers (10); 0: all are read as they come
  --seconds N        how long all are open together, and the slow ones slow (5)
  --interval-ms N    between the events of a stream (500)
  --event-bytes N    what an event of a slowly read stream holds beside its token (262144)
  --candidate A,B    what is measured (bare-pipe,metertap)
  --tree 'NAME=FOLDER [NODE OPTIONS]'
                     a further candidate: Metertap as it is in FOLDER; may be repeated
  --cpu-prof FOLDER  writes CPU profiles of the candidates that run on Node
  --output FILE      where the JSON goes (bench/results/streams-<date>.json)
  --help             this text
`;

const OPTIONS = {
  full: { type: 'boolean', default: false },
  streams: { type: 'string' },
  'slow-percent': { type: 'string' },
  seconds: { type: 'string' },
  'interval-ms': { type: 'string' },
  'event-bytes': { type: 'string' },
  candidate: { type: 'string', multiple: true, default: [] },
  tree: { type: 'string', multiple: true, default: [] },
  'cpu-prof': { type: 'string' },
  output: { type: 'string' },
  help: { type: 'boolean', default: false },
} satisfies ParseArgsConfig['options'];

/** Reads the command line; null where it asks for help. @throws Error naming the option that cannot be read */
export function readStreamOptions(args: readonly string[]): StreamOptions | null {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return null;
  return {
    streams: positiveNumber('streams', values.streams, values.full ? 5000 : 500),
    slowPercent: values['slow-percent'] === '0' ? 0 : positiveNumber('slow-percent', values['slow-percent'], 10),
    seconds: positiveNumber('seconds', values.seconds, values.full ? 20 : 5),
    intervalMs: positiveNumber('interval-ms', values['interval-ms'], 500),
    eventBytes: positiveNumber('event-bytes', values['event-bytes'], 262_144),
    candidates: values.candidate.length > 0 ? namesOf(values.candidate) : [BASELINE, 'metertap'],
    trees: values.tree.map((text) => namedCommand('tree', text)),
    cpuProfileFolder: values['cpu-prof'] ?? null,
    output: values.output ?? null,
  };
}

/** How long it takes until all streams are open. */
export function openingSeconds({ streams }: Pick<StreamOptions, 'streams'>): number {
  return Math.max(1, streams / OPENED_PER_SECOND);
}
