import { ExchangeError } from './exchange-error.ts';
import { HeaderBlockError, type HeaderBlockReader, type HeaderField } from './header-block.ts';

/** The head of an answer. */
export interface AnswerHead {
  /** 0 or 1, of HTTP/1.0 and 1.1. */
  readonly minorVersion: number;
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly HeaderField[];
  readonly isStrict: true;
}

/** What nearly every answer begins with. */
const USUAL_LINE = 'HTTP/1.1 200 OK\r\n';
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n/;
const ANY_PREFIX = 'HTTP/1.';
/** What no lines of a head hold: control characters, and a CR or LF without the other. */
const NEVER_IN_LINES = /[^\t\r\n\x20-\x7e\x80-\xff]|\r[^\n]|(?:^|[^\r])\n/;

/**
 * Reads the head of an answer (RFC 9112 4 and 5).
 *
 * @param text the head as latin1, up to and with its empty line
 * @throws ExchangeError `MALFORMED_ANSWER`
 */
export function readAnswerHead(text: string, headerBlocks: HeaderBlockReader): AnswerHead {
  if (text.startsWith(USUAL_LINE)) {
    const fields = fieldsOf(text, USUAL_LINE.length, headerBlocks);
    return { minorVersion: 1, status: 200, statusText: 'OK', fields, isStrict: true };
  }
  const line = STATUS_LINE.exec(text);
  if (line === null) throw malformed('Its status line is none of HTTP/1.1.');
  const fields = fieldsOf(text, line[0].length, headerBlocks);
  const statusText = line[3] ?? '';
  return { minorVersion: Number(line[1]), status: Number(line[2]), statusText, fields, isStrict: true };
}

/** Whether the head of an answer may begin with this text. So what speaks another protocol is not waited for. */
export function mayBeginHead(text: string): boolean {
  return text.slice(0, ANY_PREFIX.length) === ANY_PREFIX.slice(0, text.length) && isSoundSoFar(text);
}

/** Whether what has come of lines can still become lines of a head. */
export function isSoundSoFar(text: string): boolean {
  return !NEVER_IN_LINES.test(text);
}

export function malformed(why: string): ExchangeError {
  return new ExchangeError('MALFORMED_ANSWER', `The answer is not valid HTTP/1.1. ${why}`);
}

function fieldsOf(text: string, from: number, headerBlocks: HeaderBlockReader): readonly HeaderField[] {
  try {
    return headerBlocks.read(text, from);
  } catch (error) {
    if (error instanceof HeaderBlockError) throw malformed(error.message);
    throw error;
  }
}
