import { describe, expect, it } from 'vitest';
import { RememberedHead } from '../../../../src/server/http1-server/remembered-head.ts';
import { type RequestHead, readRequestHead } from '../../../../src/server/http1-server/request-head.ts';

const LINES = ['POST /v1/chat/completions HTTP/1.1', 'Host: a', 'Content-Length: 20', 'X-Run-Id: 20'];
const GET_LINES = ['GET /v1/models HTTP/1.1', 'host: a', 'x-length: 3'];

function bytesOf(lines: readonly string[], body = '{}'): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
}

function readFresh(bytes: Buffer): RequestHead {
  const head = readRequestHead(bytes, 16_384, null);
  if (head === null) throw new Error('not a plain head');
  return head;
}

function remember(lines: readonly string[]): RememberedHead {
  const bytes = bytesOf(lines);
  return new RememberedHead(readFresh(bytes), bytes);
}

function withLength(length: string): readonly string[] {
  return LINES.map((line) => line.replace('Length: 20', `Length: ${length}`));
}

describe('a head that says the same', () => {
  it.each([
    ['a POST', LINES],
    ['a GET, which tells no length', GET_LINES],
    ['the length without a blank', LINES.map((line) => line.replace('Length: 20', 'length:20'))],
    ['the length at the end', [LINES[0] ?? '', 'host: a', 'content-length: 2']],
  ])('is the one before: %s', (_what, lines) => {
    const remembered = remember(lines);
    expect(remembered.readAgain(bytesOf(lines, 'another body'))).toBe(remembered.head);
  });

  it.each(['0', '2', '21', '123456', '9'.repeat(15)])(
    'but for the length of the body, %s, reads as by itself',
    (length) => {
      const remembered = remember(LINES);
      const before = structuredClone(remembered.head);
      const bytes = bytesOf(withLength(length));
      const again = remembered.readAgain(bytes);
      expect(again).toEqual(readFresh(bytes));
      expect(Object.keys(again?.headers ?? {})).toEqual(Object.keys(before.headers));
      expect(remembered.head).toEqual(before);
    },
  );
});

describe('is left to be read', () => {
  it.each([
    ['another value', LINES.map((line) => line.replace('Run-Id: 20', 'Run-Id: 21'))],
    ['a longer value', LINES.map((line) => line.replace('Run-Id: 20', 'Run-Id: 200'))],
    ['one line more', [...LINES, 'x: y']],
    ['one line less', LINES.slice(0, 3)],
    ['other letters in a name', LINES.map((line) => line.replace('Host', 'host'))],
    ['another path', LINES.map((line) => line.replace('completions', 'completion5'))],
    ['another method', LINES.map((line) => line.replace('POST', 'GET'))],
    ['no length', LINES.map((line) => line.replace('Length: 20', 'Length: '))],
    ['a length with a zero before it', withLength('020')],
    ['a length with a sign', withLength('+20')],
    ['a length with a letter', withLength('2a')],
    ['a length with a blank behind it', withLength('20 ')],
    ['two lengths in one', withLength('20, 20')],
    ['a length beyond numbers', withLength('9'.repeat(16))],
    ['a line feed alone', LINES.map((line) => line.replace('Length: 20', 'Length: 20\nx: y'))],
  ])('%s', (_what, lines) => {
    expect(remember(LINES).readAgain(bytesOf(lines))).toBeNull();
  });

  it('a head that is not whole', () => {
    for (const lines of [LINES, GET_LINES]) {
      const whole = bytesOf(lines, '');
      for (let end = 0; end < whole.length; end++) {
        expect(remember(lines).readAgain(whole.subarray(0, end))).toBeNull();
      }
    }
  });
});
