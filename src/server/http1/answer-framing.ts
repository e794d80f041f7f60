import { type AnswerHead, malformed } from './answer-head.ts';
import type { HeaderField } from './header-block.ts';

/** How the body of an answer ends, and what becomes of its connection. */
export interface AnswerFraming {
  /** Bytes of the body; `CHUNKED`; or infinity, where only the end of the connection ends it. */
  readonly length: number;
  /** Whether the connection may carry another exchange afterwards. */
  readonly keepsAlive: boolean;
  /** How long the upstream says it keeps an idle connection; null where it does not say. */
  readonly keepAliveMs: number | null;
}

export const CHUNKED = -1;

const DIGITS = /^\d+$/;
const SECOND_MS = 1000;

/**
 * How long the body of an answer is (RFC 9112 6.3), and whether its connection goes on (RFC 9112 9.3).
 *
 * Refused is what two readers can take for two things: `transfer-encoding` beside `content-length` (an intermediary
 * would have to take the length out of the head that it passes on), more than one of either, other codings than
 * `chunked`, and lengths that are no number.
 *
 * @param method that of the request
 * @throws ExchangeError `MALFORMED_ANSWER`
 */
export function framingOf(head: AnswerHead, method: string): AnswerFraming {
  let length: string | null = null;
  let coding: string | null = null;
  let connection: string | null = null;
  let keepAlive: string | null = null;
  for (const field of head.fields) {
    switch (field.lowerName.length) {
      case 10:
        if (field.lowerName === 'connection') connection = joined(connection, field);
        else if (field.lowerName === 'keep-alive') keepAlive = joined(keepAlive, field);
        break;
      case 14:
        if (field.lowerName === 'content-length') length = only(length, field);
        break;
      case 17:
        if (field.lowerName === 'transfer-encoding') coding = only(coding, field);
        break;
    }
  }
  const declared = declaredLength(length, coding);
  const closes = connection === null ? head.minorVersion === 0 : closesAfter(connection, head.minorVersion);
  const bodiless = method === 'HEAD' || head.status === 204 || head.status === 304;
  // Where there should be no body and one is announced, it may come all the same, as if it were the next answer.
  const doubtful = method !== 'HEAD' && bodiless && declared !== 0 && declared !== Number.POSITIVE_INFINITY;
  // HTTP/1.0 has no transfer codings: whoever sends one may mean something else by it (RFC 9112 6.1).
  const misplaced = declared === CHUNKED && head.minorVersion === 0;
  const bodyLength = bodiless ? 0 : declared;
  return {
    length: bodyLength,
    keepsAlive: !closes && !doubtful && !misplaced && bodyLength !== Number.POSITIVE_INFINITY,
    keepAliveMs: keepAlive === null ? null : timeoutOf(keepAlive),
  };
}

function joined(before: string | null, { value }: HeaderField): string {
  return before === null ? value : `${before},${value}`;
}

function only(before: string | null, { lowerName, value }: HeaderField): string {
  if (before !== null) throw malformed(`It has more than one ${lowerName}.`);
  return value;
}

function declaredLength(length: string | null, coding: string | null): number {
  if (coding !== null) {
    if (length !== null) throw malformed('It has a content-length beside its transfer-encoding.');
    if (coding.toLowerCase() !== 'chunked') throw malformed('Its transfer-encoding is not chunked.');
    return CHUNKED;
  }
  if (length === null) return Number.POSITIVE_INFINITY;
  const bytes = Number(length);
  if (!DIGITS.test(length) || !Number.isSafeInteger(bytes)) throw malformed('Its content-length is not a number.');
  return bytes;
}

function closesAfter(connection: string, minorVersion: number): boolean {
  if (connection === 'keep-alive') return false;
  const options = connection.toLowerCase().split(',');
  if (options.some((option) => option.trim() === 'close')) return true;
  return minorVersion === 0 && !options.some((option) => option.trim() === 'keep-alive');
}

function timeoutOf(keepAlive: string): number | null {
  const seconds = /(?:^|[,;\s])timeout=(\d{1,9})/i.exec(keepAlive)?.[1];
  return seconds === undefined ? null : Number(seconds) * SECOND_MS;
}
