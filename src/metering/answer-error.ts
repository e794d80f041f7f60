import type { MemberSpan } from '../core/json-members.ts';
import { isObjectAt, MemberNames, membersAt, scalarOf } from './json-spans.ts';

const CODE_MEMBERS = new MemberNames(['code', 'type']);
const MAX_CODE_LENGTH = 100;
export const UNNAMED_ERROR = 'upstream_error';

/**
 * The code of an error that stands in an answer with status 200 (wire.md 9): its `code`, else its `type`, else
 * `upstream_error`. Its message is never taken, for it may quote the prompt.
 *
 * @returns null where there is no error: the member is absent, null, false, zero or empty
 */
export function errorCodeIn(bytes: Buffer, error: MemberSpan | undefined): string | null {
  if (error === undefined) return null;
  if (!isObjectAt(bytes, error.valueStart)) return isEmpty(bytes, error) ? null : UNNAMED_ERROR;
  const members = membersAt(bytes, error.valueStart, CODE_MEMBERS);
  return codeText(bytes, members?.get('code')) ?? codeText(bytes, members?.get('type')) ?? UNNAMED_ERROR;
}

/** A code as text of at most 100 characters: OpenRouter's are HTTP statuses as numbers. */
export function codeText(bytes: Buffer, span: MemberSpan | undefined): string | null {
  const value = scalarOf(bytes, span);
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_CODE_LENGTH) : null;
}

function isEmpty(bytes: Buffer, span: MemberSpan): boolean {
  const text = bytes.toString('latin1', span.valueStart, Math.min(span.valueEnd, span.valueStart + 6));
  return text === 'null' || text === 'false' || text === '0' || text === '""' || text === '[]';
}
