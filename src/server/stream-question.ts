import { askForContinuousUsage, clientAskedForContinuousUsage } from './continuous-usage-request.ts';
import { askForStreamUsage, clientAskedForUsage } from './stream-usage-request.ts';

/** What a stream is asked for although its client did not ask. */
export interface Asked {
  /** Usage, or running usage, or both. */
  readonly asked: boolean;
  /** Running usage: with every event (wire.md 2.2). */
  readonly askedRunning: boolean;
}

/** The question, put into the client's own bytes. */
export interface StreamQuestion extends Asked {
  /** The edited body; null where it goes out as it came. */
  readonly body: Buffer | null;
  /** The member that an upstream is the likeliest to refuse, of those that were put in. */
  readonly boldest: AskedMember | null;
}

/** A member of `stream_options` that an upstream may refuse. */
export type AskedMember = 'include_usage' | 'continuous_usage_stats';

export const NOTHING_ASKED: StreamQuestion = { body: null, boldest: null, asked: false, askedRunning: false };

/**
 * Asks a stream for its usage, and if `running` also for that with every event.
 *
 * @param body a JSON object whose `stream` is true
 * @param streamOptions its parsed member
 */
export function askStream(body: Buffer, streamOptions: unknown, running: boolean): StreamQuestion {
  const asking = askForStreamUsage(body, streamOptions);
  const isAsked = asking !== null || clientAskedForUsage(streamOptions);
  const askingMore = running && isAsked ? askForContinuousUsage(asking ?? body) : null;
  if (askingMore !== null) {
    return { body: askingMore, boldest: 'continuous_usage_stats', asked: true, askedRunning: true };
  }
  if (asking === null) return NOTHING_ASKED;
  // A client that asks for running usage alone gets none; now it would, because usage is asked for.
  return {
    body: asking,
    boldest: 'include_usage',
    asked: true,
    askedRunning: clientAskedForContinuousUsage(streamOptions),
  };
}
