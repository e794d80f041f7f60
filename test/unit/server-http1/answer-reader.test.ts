import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerReader } from '../../../src/server/http1/answer-reader.ts';
import { HeaderBlockReader } from '../../../src/server/http1/header-block.ts';

interface Read {
  readonly status: number | null;
  readonly statusText: string | null;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly end: 'whole' | 'cut' | 'fault';
  readonly keepsAlive: boolean;
}

/** Reads an answer that comes in these pieces, after which the connection ends. */
function readPieces(pieces: readonly Buffer[], method = 'POST'): Read {
  const reader = new AnswerReader(new HeaderBlockReader());
  reader.begin(method);
  const memory = Buffer.alloc(Math.max(1, ...pieces.map(({ length }) => length)));
  const body: Buffer[] = [];
  const head: Omit<Read, 'body' | 'end' | 'keepsAlive'>[] = [];
  const read = (end: Read['end']): Read => ({
    ...(head[0] ?? { status: null, statusText: null, fields: [] }),
    body: Buffer.concat(body).toString('latin1'),
    end,
    keepsAlive: end === 'whole' && reader.keepsAlive,
  });
  for (const [i, piece] of pieces.entries()) {
    piece.copy(memory);
    reader.read(memory, piece.length);
    memory.fill('?'); // what a read brought is gone with the next one
    if (reader.head !== null) {
      const { status, statusText, fields } = reader.head;
      head.push({ status, statusText, fields: fields.map(({ name, value }) => [name, value] as const) });
    }
    if (reader.piece !== null) body.push(reader.piece);
    if (reader.fault !== null) return read('fault');
    if (!reader.isOver) continue;
    const isMoreThere = pieces.slice(i + 1).some(({ length }) => length > 0);
    return { ...read('whole'), keepsAlive: reader.keepsAlive && !isMoreThere };
  }
  return read(reader.endOfConnection() ? 'whole' : 'cut');
}

const readText = (text: string, method?: string): Read => readPieces([Buffer.from(text, 'latin1')], method);

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const lengthOf = (length: string) => `${OK}Content-Length: ${length}\r\n\r\n`;

/** What is an answer, and what of it is read. */
const WHOLE: Readonly<Record<string, readonly [string, Partial<Read>]>> = {
  'a length': [`${lengthOf('5')}hello`, { body: 'hello', keepsAlive: true }],
  'no bytes': [lengthOf('0'), { body: '', keepsAlive: true }],
  'a length with zeros before it': [`${lengthOf('005')}hello`, { body: 'hello' }],
  chunks: [`${CHUNKED}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`, { body: 'hello!', keepsAlive: true }],
  'no chunks': [`${CHUNKED}0\r\n\r\n`, { body: '', keepsAlive: true }],
  'chunks that say so in capitals': [`${OK}TRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n`, { keepsAlive: true }],
  'chunk sizes in capitals and with zeros': [`${CHUNKED}00A\r\n0123456789\r\n000\r\n\r\n`, { body: '0123456789' }],
  'chunk extensions': [`${CHUNKED}2;a=b;c="d e"\r\nhi\r\n0;z\r\n\r\n`, { body: 'hi', keepsAlive: true }],
  trailers: [`${CHUNKED}2\r\nhi\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n`, { body: 'hi', keepsAlive: true }],
  'data that looks like framing': [`${CHUNKED}7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n`, { body: '\r\n0\r\n\r\n' }],
  'the end of the connection': [`${OK}X: y\r\n\r\nhello`, { body: 'hello', keepsAlive: false }],
  'the end of the connection at once': [`${OK}\r\n`, { body: '', keepsAlive: false }],
  'HTTP/1.0': ['HTTP/1.0 200 OK\r\n\r\nhello', { body: 'hello', keepsAlive: false }],
  'HTTP/1.0 with a length': ['HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi', { body: 'hi', keepsAlive: false }],
  'HTTP/1.0 that goes on': [
    'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi',
    { body: 'hi', keepsAlive: true },
  ],
  'HTTP/1.0 with chunks': [
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    { body: 'hi', keepsAlive: false },
  ],
  'a connection that is closed': [
    `${OK}Connection: close\r\nContent-Length: 2\r\n\r\nhi`,
    { body: 'hi', keepsAlive: false },
  ],
  'a connection that is closed, said last': [
    `${OK}Connection: x-a\r\nConnection: keep-alive , Close\r\nContent-Length: 0\r\n\r\n`,
    { keepsAlive: false },
  ],
  'a status without a text': ['HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { status: 200, statusText: '' }],
  'a status with an empty text': ['HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', { status: 200, statusText: '' }],
  'a status text of its own': ['HTTP/1.1 299 Gr\u00fc\u00df  Gott\r\nContent-Length: 0\r\n\r\n', { status: 299 }],
  'no content': ['HTTP/1.1 204 No Content\r\n\r\n', { status: 204, body: '', keepsAlive: true }],
  'no content, and a length': ['HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n', { body: '', keepsAlive: false }],
  'nothing new, and chunks': ['HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n', { keepsAlive: false }],
  'heads before its own': [
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${lengthOf('2')}hi`,
    { status: 200, body: 'hi', fields: [['Content-Length', '2']], keepsAlive: true },
  ],
  'bytes behind its length': [`${lengthOf('2')}hiHTTP/1.1 200 OK\r\n\r\n`, { body: 'hi', keepsAlive: false }],
  'bytes behind its chunks': [`${CHUNKED}2\r\nhi\r\n0\r\n\r\n\r\n`, { body: 'hi', keepsAlive: false }],
  'bytes behind a head without a body': ['HTTP/1.1 204 No\r\n\r\nhello', { body: '', keepsAlive: false }],
};

/** What is cut before its end by the end of the connection. */
const CUT: Readonly<Record<string, string>> = {
  nothing: '',
  'a part of the status line': 'HTTP/1.1 2',
  'a part of the head': `${OK}Content-Length: 5\r\n`,
  'a head before its own': 'HTTP/1.1 103 Early Hints\r\n\r\n',
  'a length': `${lengthOf('5')}hell`,
  'a chunk': `${CHUNKED}5\r\nhell`,
  'the end of a chunk': `${CHUNKED}5\r\nhello\r`,
  'a chunk size': `${CHUNKED}5`,
  'no last chunk': `${CHUNKED}5\r\nhello\r\n`,
  'a last chunk without its end': `${CHUNKED}0\r\n`,
  'a trailer': `${CHUNKED}0\r\nX: y\r\n`,
};

/** What is no answer, with what of its body came before that was known. */
const FAULTS: Readonly<Record<string, readonly [string, string]>> = {
  'another protocol': ['SSH-2.0-OpenSSH_9.2\r\n', ''],
  'HTTP/2': ['\0\0\x12\x04\0\0\0\0\0', ''],
  'HTTP/2 by name': ['HTTP/2.0 200 OK\r\n\r\n', ''],
  'HTTP/0.9': ['HTTP/0.9 200 OK\r\n\r\n', ''],
  'a status of two digits': ['HTTP/1.1 20 OK\r\n\r\n', ''],
  'a status of four digits': ['HTTP/1.1 2000 OK\r\n\r\n', ''],
  'a status of no digits': ['HTTP/1.1 2x0 OK\r\n\r\n', ''],
  'a status below 100': ['HTTP/1.1 099 OK\r\n\r\n', ''],
  'two spaces': ['HTTP/1.1  200 OK\r\n\r\n', ''],
  'an empty line first': [`\r\n${lengthOf('0')}`, ''],
  'a NUL in the status text': ['HTTP/1.1 200 O\0K\r\n\r\n', ''],
  'a protocol that nobody asked for': ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n', ''],
  'bare LF': ['HTTP/1.1 200 OK\nContent-Length: 0\n\n', ''],
  'a bare LF in the head': [`${OK}A: b\nContent-Length: 0\r\n\r\n`, ''],
  'a bare CR in the head': [`${OK}A: b\rContent-Length: 0\r\n\r\n`, ''],
  'a folded header': [`${OK}A: b\r\n c\r\n\r\n`, ''],
  'a space before a colon': [`${OK}Content-Length : 2\r\n\r\nhi`, ''],
  'a NUL in a header': [`${OK}A: b\0\r\n\r\n`, ''],
  'a length beside chunks': [`${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, ''],
  'chunks beside a length': [`${OK}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n`, ''],
  'two lengths': [`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi`, ''],
  'two lengths in one': [lengthOf('2, 2'), ''],
  'a length with a sign': [lengthOf('+2'), ''],
  'a negative length': [lengthOf('-2'), ''],
  'a length in another base': [lengthOf('0x2'), ''],
  'a length with a fraction': [lengthOf('2.0'), ''],
  'an empty length': [lengthOf(''), ''],
  'a length beyond what can be counted': [lengthOf('9007199254740993'), ''],
  'a coding that is not chunked': [`${OK}Transfer-Encoding: gzip\r\n\r\n`, ''],
  'a coding that is nearly chunked': [`${OK}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, ''],
  'a coding before chunked': [`${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, ''],
  'a coding after chunked': [`${OK}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, ''],
  'chunked twice': [`${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, ''],
  'an empty coding': [`${OK}Transfer-Encoding:\r\n\r\n`, ''],
  'no chunk size': [`${CHUNKED}\r\n`, ''],
  'a chunk size in another notation': [`${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n`, ''],
  'a chunk size with a sign': [`${CHUNKED}+5\r\nhello\r\n0\r\n\r\n`, ''],
  'a negative chunk size': [`${CHUNKED}-5\r\nhello\r\n0\r\n\r\n`, ''],
  'a space before a chunk size': [`${CHUNKED} 5\r\nhello\r\n0\r\n\r\n`, ''],
  'a space behind a chunk size': [`${CHUNKED}5 \r\nhello\r\n0\r\n\r\n`, ''],
  'a space before an extension': [`${CHUNKED}5 ;a\r\nhello\r\n0\r\n\r\n`, ''],
  'a chunk size that is no number': [`${CHUNKED}g\r\n`, ''],
  'a chunk size beyond what can be counted': [`${CHUNKED}20000000000001\r\nhello`, ''],
  'a chunk size beyond 64 bits': [`${CHUNKED}10000000000000005\r\nhello`, ''],
  'a chunk size with too many zeros': [`${CHUNKED}${'0'.repeat(20)}5\r\nhello`, ''],
  'a chunk size that ends with LF': [`${CHUNKED}5\nhello\r\n0\r\n\r\n`, ''],
  'a chunk size that ends with CR': [`${CHUNKED}5\rxhello\r\n0\r\n\r\n`, ''],
  'a chunk that is longer than its size': [`${CHUNKED}2\r\nhi!\r\n0\r\n\r\n`, 'hi'],
  'a chunk that ends with LF': [`${CHUNKED}2\r\nhi\n0\r\n\r\n`, 'hi'],
  'a chunk that ends with CR': [`${CHUNKED}2\r\nhi\rx0\r\n\r\n`, 'hi'],
  'a second chunk that is none': [`${CHUNKED}2\r\nhi\r\n2\r\nho\r\nx`, 'hiho'],
  'a control character in an extension': [`${CHUNKED}2;a\0b\r\nhi\r\n`, ''],
  'a bare LF in an extension': [`${CHUNKED}2;a\nb\r\nhi\r\n`, ''],
  'an extension without an end': [`${CHUNKED}2;${'a'.repeat(5000)}`, ''],
  'a trailer that is none': [`${CHUNKED}2\r\nhi\r\n0\r\nX : y\r\n\r\n`, 'hi'],
  'a trailer line that ends with LF': [`${CHUNKED}2\r\nhi\r\n0\r\nX: y\n\r\n`, 'hi'],
  'LF in place of the last line': [`${CHUNKED}2\r\nhi\r\n0\r\n\n`, 'hi'],
  'trailers without an end': [`${CHUNKED}2\r\nhi\r\n0\r\n${'X: y\r\n'.repeat(4000)}`, 'hi'],
  'a head that is too large': [`${OK}X: ${'y'.repeat(66_000)}\r\n\r\n`, ''],
  'a head without an end': [`${OK}${'X: y\r\n'.repeat(12_000)}`, ''],
};

describe.each(Object.entries(WHOLE))('an answer with %s', (_name, [text, expected]) => {
  it('is read whole', () => {
    expect(readText(text)).toMatchObject({ end: 'whole', ...expected });
  });
});

it.each(Object.entries(CUT))('is not whole where the connection ends with it: %s', (_name, text) => {
  expect(readText(text)).toMatchObject({ end: 'cut' });
});

it.each(Object.entries(FAULTS))('is no answer: %s', (_name, [text, body]) => {
  expect(readText(text)).toMatchObject({ end: 'fault', body });
});

it('has no body where the request was HEAD, whatever its headers say', () => {
  const head = { body: '', end: 'whole', keepsAlive: true };
  expect(readText(lengthOf('5'), 'HEAD')).toMatchObject(head);
  expect(readText(CHUNKED, 'HEAD')).toMatchObject(head);
  expect(readText(`${OK}\r\n`, 'HEAD')).toMatchObject(head);
  expect(readText(`${lengthOf('5')}hello`, 'HEAD')).toMatchObject({ ...head, keepsAlive: false });
});

describe('however its bytes are cut into reads', () => {
  const texts = [...Object.values(WHOLE).map(([text]) => text), ...Object.values(CUT)];
  texts.push(...Object.values(FAULTS).map(([text]) => text));
  const short = texts.filter((text) => text.length < 1000).map((text) => Buffer.from(text, 'latin1'));

  it('it is the same: in two', () => {
    for (const bytes of short) {
      const whole = readPieces([bytes]);
      for (let at = 0; at <= bytes.length; at++) {
        expect(readPieces([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
      }
    }
  });

  it('it is the same: byte by byte', () => {
    for (const bytes of short) {
      expect(readPieces(Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1)))).toEqual(readPieces([bytes]));
    }
  });

  it('it is the same: in any way, also where it is long', () => {
    const long = texts.filter((text) => text.length >= 1000).map((text) => Buffer.from(text, 'latin1'));
    const cuts = fc.array(fc.nat(70_000), { maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...short, ...long), cuts, (bytes, places) => {
        const sorted = [0, ...places.map((at) => at % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const pieces = sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
        const { end, ...read } = readPieces(pieces);
        expect({ end, ...read }).toEqual(readPieces([bytes]));
      }),
    );
  });

  it('its chunks are what was put into them', () => {
    const chunk = fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => Buffer.from(bytes));
    const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 30 }), lengths, (chunks, reads) => {
        const framed = chunks.flatMap((data) => [
          Buffer.from(`${data.length.toString(16)}\r\n`),
          data,
          Buffer.from('\r\n'),
        ]);
        const bytes = Buffer.concat([Buffer.from(CHUNKED), ...framed, Buffer.from('0\r\n\r\n')]);
        const pieces: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = reads[i % reads.length] ?? 1;
          pieces.push(bytes.subarray(at, at + length));
          at += length;
        }
        const wanted = Buffer.concat(chunks).toString('latin1');
        for (const cut of [pieces, [bytes]]) expect(readPieces(cut)).toMatchObject({ end: 'whole', body: wanted });
      }),
    );
  });
});

it('gives the chunks of one read as one piece', () => {
  const reader = new AnswerReader(new HeaderBlockReader());
  reader.begin('POST');
  const read = (text: string): string | undefined => {
    const bytes = Buffer.from(text);
    reader.read(bytes, bytes.length);
    return reader.piece?.toString();
  };
  expect(read(`${CHUNKED}3\r\none\r\n4\r\n two\r\n6\r\n thr`)).toBe('one two thr');
  expect(read('ee\r\n5\r\n four\r\n')).toBe('ee four');
  expect(read('0\r\n')).toBeUndefined();
  expect([reader.isOver, read('\r\n'), reader.isOver]).toEqual([false, undefined, true]);
});

it.each([
  ['timeout=5', 5000],
  ['timeout=5, max=100', 5000],
  ['max=100, TIMEOUT=7', 7000],
  ['max=100', null],
  ['timeout=', null],
  ['xtimeout=5', null],
])('tells how long its connection is kept: %s', (value, ms) => {
  const reader = new AnswerReader(new HeaderBlockReader());
  reader.begin('POST');
  const bytes = Buffer.from(`${OK}Keep-Alive: ${value}\r\nContent-Length: 0\r\n\r\n`);
  reader.read(bytes, bytes.length);
  expect(reader.keepAliveMs).toBe(ms);
});
