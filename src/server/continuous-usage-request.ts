import { findMember } from '../core/json-members.ts';
import { insertFirstMember, replaceBytes } from './stream-usage-request.ts';

const MEMBER = 'continuous_usage_stats';

/**
 * Asks a chat stream that is asked for its usage to tell it with every event (wire.md 2.2: vLLM, SGLang), so that it is
 * known also of a stream that is left or cut. Nothing else of the body changes.
 *
 * @param body a JSON object whose `stream_options.include_usage` is true
 * @returns the edited body, or null where the client asks for it already, where the member is of a type that only the
 *   upstream may judge, and where several choices are asked for: the running usage is then that of one of them
 */
export function askForContinuousUsage(body: Buffer): Buffer | null {
  if (!isOneOf(body, 'n', ['1', 'null'])) return null;
  const options = findMember(body, 0, 'stream_options');
  if (options === null) return null;
  const member = findMember(body, options.valueStart, MEMBER);
  if (member === null) return insertFirstMember(body, options.valueStart, `"${MEMBER}":true`);
  const value = body.toString('latin1', member.valueStart, member.valueEnd);
  return value === 'false' || value === 'null' ? replaceBytes(body, member.valueStart, member.valueEnd, 'true') : null;
}

/** Tells whether the client itself asked for running usage, which it gets only if it asked for usage at all. */
export function clientAskedForContinuousUsage(streamOptions: unknown): boolean {
  return (
    typeof streamOptions === 'object' &&
    streamOptions !== null &&
    MEMBER in streamOptions &&
    streamOptions[MEMBER] === true
  );
}

/** Whether the member is absent, or written as one of these. */
function isOneOf(body: Buffer, name: string, values: readonly string[]): boolean {
  const member = findMember(body, 0, name);
  return member === null || values.includes(body.toString('latin1', member.valueStart, member.valueEnd));
}
