import type { MemberSpan } from '../core/json-members.ts';
import { leadingMembers, trailingMember } from './json-ends.ts';
import { MemberNames, type Spans } from './json-spans.ts';

/** From this size on a document is read at its ends first. */
const LARGE_BYTES = 65_536;
const END_BYTES = 4096;

const WANTED = ['id', 'model', 'service_tier', 'usage', 'error', 'svg_usage', 'tool_usage', 'copilot_usage'];
const LEADING = new MemberNames(WANTED);
const TRAILING = WANTED.map((name) => ({ name, quoted: Buffer.from(`"${name}"`) }));

/**
 * Finds the members that matter in a large answer which is one big array (embeddings, images) between small members.
 *
 * @returns null where the document is small, or its usage is not near its end: then it must be walked
 */
export function membersAtEnds(bytes: Buffer, start: number): Spans | null {
  if (bytes.length < LARGE_BYTES) return null;
  const members = leadingMembers(bytes, start, LEADING);
  const endStart = bytes.length - END_BYTES;
  const end = bytes.subarray(endStart);
  let usageAtEnd = false;
  for (const { name, quoted } of TRAILING) {
    const span = trailingMember(end, quoted);
    if (span === null) continue;
    members.set(name, shifted(span, endStart));
    if (name === 'usage') usageAtEnd = true;
  }
  return usageAtEnd ? members : null;
}

function shifted(span: MemberSpan, by: number): MemberSpan {
  return { keyStart: span.keyStart + by, valueStart: span.valueStart + by, valueEnd: span.valueEnd + by };
}
