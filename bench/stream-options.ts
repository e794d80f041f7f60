import { type ParseArgsConfig, parseArgs } from 'node:util';
import { positiveNumber } from './options.ts';

export interface StreamOptions {
  readonly streams: number;
  /** Slow readers, in percent of the streams. */
  readonly slowPercent: number;
  /** How long all streams are open together. */
  readonly seconds: number;
  readonly intervalMs: number;
  /** Bytes in each event of a stream that is read slowly. */
  readonly eventBytes: number;
  readonly output: string | null;
}

export const STREAMS_HELP = `Usage: npm run bench:streams -- [options]

Many open streams at once, slow readers among them: what a stream holds, how late the event loop is, whether the
upstreams of slow readers are paused, and whether every byte and every record is there at the end.

  --full             5,000 streams, a tenth of them read slowly, open together for 20 seconds
  --streams N        streams (500)
  --slow-percent N   share of slow readers (10)
  --seconds N        how long all are open together, and the slow ones slow (5)
  --interval-ms N    between the events of a stream (500)
  --event-bytes N    what an event of a slowly read stream holds beside its token (262144)
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
  output: { type: 'string' },
  help: { type: 'boolean', default: false },
} satisfies ParseArgsConfig['options'];

/** Reads the command line; null where it asks for help. @throws Error naming the option that cannot be read */
export function readStreamOptions(args: readonly string[]): StreamOptions | null {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return null;
  return {
    streams: positiveNumber('streams', values.streams, values.full ? 5000 : 500),
    slowPercent: positiveNumber('slow-percent', values['slow-percent'], 10),
    seconds: positiveNumber('seconds', values.seconds, values.full ? 20 : 5),
    intervalMs: positiveNumber('interval-ms', values['interval-ms'], 500),
    eventBytes: positiveNumber('event-bytes', values['event-bytes'], 262_144),
    output: values.output ?? null,
  };
}
