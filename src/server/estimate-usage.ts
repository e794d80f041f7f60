import type { Ending } from '../ledger/record.ts';
import { inputTextOf } from '../metering/estimate-input.ts';
import { outputTextOf } from '../metering/estimate-output.ts';
import { type CountableText, wholeTokens } from '../metering/estimate-text.ts';
import { estimatedUsage } from '../metering/estimated-usage.ts';
import type { Usage } from '../metering/usage.ts';
import type { Call } from './open-call.ts';
import type { RelayedCall } from './relay-call.ts';
import type { ProxyRooms } from './rooms.ts';

/** Endings after which an upstream bills what it did; one that answered with an error did nothing. */
const ESTIMATED_ENDINGS: ReadonlySet<Ending> = new Set([
  'completed',
  'client_left',
  'upstream_cut',
  'timed_out',
  'interrupted',
]);

/**
 * Estimates the usage of a call of which none was reported: the input from the request, the output from what came of
 * the answer. Null where nothing tells that a model worked (no head of an answer came, or that of an error, or what
 * completed is no answer of a model), and where the configuration says `estimates.missing_usage: leave`.
 */
export function estimateUsage(
  call: Call,
  { end, answer }: RelayedCall,
  rooms: ProxyRooms,
): Usage | null | Promise<Usage | null> {
  const { body } = call.request;
  if (call.settings.missingUsage === 'leave' || answer === null || !Buffer.isBuffer(body)) return null;
  if (answer.status >= 300 || answer.evidence === null) return null;
  if (!ESTIMATED_ENDINGS.has(end.ending) || end.finding?.failed === true) return null;
  const { endpoint } = call.exchange;
  const output = outputTextOf(endpoint, answer.evidence);
  if (end.ending === 'completed' && !output.isAnswer) return null;
  return counted({ input: inputTextOf(endpoint, body), output: output.text, toolCalls: answer.toolCalls }, rooms);
}

interface CountedTexts {
  readonly input: CountableText;
  readonly output: CountableText;
  readonly toolCalls: number;
}

async function counted({ input, output, toolCalls }: CountedTexts, rooms: ProxyRooms): Promise<Usage> {
  const [inputTokens = 0, outputTokens = 0] = await rooms.estimator.count([input.sample, output.sample]);
  return estimatedUsage({
    inputTokens: wholeTokens(input, inputTokens),
    outputTokens: wholeTokens(output, outputTokens),
    toolCalls,
  });
}
