/**
 * The head of a request that is plain: one that can be read in one way only, so that whoever reads it, Node's parser
 * too, reads the same. Everything else is not judged here but left to Node.
 */
export interface RequestHead {
  readonly method: string;
  readonly url: string;
  /** Name, value, name, value, … as the client wrote them; bytes beyond ASCII one character each, as Node gives them. */
  readonly rawHeaders: readonly string[];
  /** By name in lower case, in the order of `rawHeaders`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the body. */
  readonly contentLength: number;
  readonly keepsAlive: boolean;
  /** How long the head is, its last empty line included. */
  readonly bytes: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const HEAD_END_BYTES = HEAD_END.length;
const LINE_END = '\r\n';
const VERSION = ' HTTP/1.1\r\n';
const COLON = 0x3a;
const SPACE = 0x20;

/** More than any client sends; a head is searched for copies of a name line by line. */
const MAX_HEADERS = 100;

/**
 * The proxied API only: below `/v1/organization` Metertap answers itself. Without what routers read in more than one
 * way: escapes within the path, semicolons, fragments.
 */
const PLAIN_TARGET =
  /^\/(?:v1\/(?!organization)|run\/[\w.~:@-]{1,256}\/v1\/)[\w.~:@!$&'()*+,=/-]*(?:\?[\w.~:@!$&'()*+,=/?%-]*)?$/;
/** RFC 9110 5.6.2. One that begins with a digit may be a number, and numbers come first among an object's keys. */
const TOKEN = /^[!#$%&'*+\-.^_`|~A-Za-z][!#$%&'*+\-.^_`|~0-9A-Za-z]*$/;
/** RFC 9110 5.5: visible characters, bytes beyond ASCII, and between them blanks. */
const VALUE = /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/;
const LENGTH = /^(?:0|[1-9]\d{0,14})$/;

/** Headers with a say in how a message is framed, or that HTTP servers treat in ways of their own. */
const NOT_PLAIN: ReadonlySet<string> = new Set([
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  '__proto__',
]);

/**
 * Reads the head that `bytes` begin with. Null where it is not whole, not plain, or longer than `maxBytes`.
 *
 * @param before the last head of the same connection: a client says most things with every request, and what is said
 *   again is neither looked for, nor checked, nor made again
 */
export function readRequestHead(bytes: Buffer, maxBytes: number, before: RequestHead | null): RequestHead | null {
  const head = before === null ? null : readAnotherHead(bytes, before);
  if (head !== null && head.bytes <= maxBytes) return head;
  const end = bytes.indexOf(HEAD_END);
  if (end < 0 || end + HEAD_END_BYTES > maxBytes) return null;
  const text = bytes.toString('latin1', 0, end + LINE_END.length);
  const line = readRequestLine(text, null);
  const fields = line === null ? null : readFields(bytes, text, line.bytes);
  return line === null || fields === null ? null : headOf(line, fields, end + HEAD_END_BYTES);
}

/** How much longer than the one before a head may be that is read by it. */
const MORE_BYTES = 256;

/** Reads a head that has the names of `before` in their order; null where it has not, or is not plain. */
function readAnotherHead(bytes: Buffer, before: RequestHead): RequestHead | null {
  // For comparisons only: what is kept is made anew, since a part of a text keeps all of it in memory.
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, before.bytes + MORE_BYTES));
  const line = readRequestLine(text, before);
  const fields = line === null ? null : sameFields(bytes, text, line.bytes, before);
  return line === null || fields === null ? null : headOf(line, fields, fields.end + LINE_END.length);
}

interface RequestLine {
  readonly method: string;
  readonly url: string;
  readonly bytes: number;
}

function readRequestLine(text: string, before: RequestHead | null): RequestLine | null {
  const methodEnd = text.indexOf(' ');
  const method = plainMethod(text, methodEnd);
  if (method === null) return null;
  const from = methodEnd + 1;
  const isSame =
    before !== null && text.startsWith(before.url, from) && text.startsWith(VERSION, from + before.url.length);
  const urlEnd = isSame ? from + before.url.length : text.indexOf(' ', from);
  if (urlEnd < 0 || !text.startsWith(VERSION, urlEnd)) return null;
  const url = isSame ? before.url : plainUrl(text.slice(from, urlEnd));
  return url === null ? null : { method, url, bytes: urlEnd + VERSION.length };
}

function plainUrl(url: string): string | null {
  return PLAIN_TARGET.test(url) ? Buffer.from(url, 'latin1').toString('latin1') : null;
}

interface Fields {
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

interface SameFields extends Fields {
  /** Where the empty line begins that ends the head. */
  readonly end: number;
}

function headOf({ method, url }: RequestLine, { rawHeaders, headers }: Fields, bytes: number): RequestHead | null {
  if (headers['host'] === undefined) return null;
  const length = headers['content-length'];
  // A POST says how long its body is; what has none may still have one in some way or other.
  if ((method === 'POST') !== (length !== undefined)) return null;
  if (length !== undefined && !LENGTH.test(length)) return null;
  const connection = headers['connection'];
  const keepsAlive = connection === undefined || isWord(connection, 'keep-alive');
  if (!keepsAlive && !isWord(connection, 'close')) return null;
  const contentLength = length === undefined ? 0 : Number(length);
  return { method, url, rawHeaders, headers, contentLength, keepsAlive, bytes };
}

function isWord(value: string, word: string): boolean {
  return value === word || (value.length === word.length && value.toLowerCase() === word);
}

function plainMethod(text: string, end: number): string | null {
  if (end === 4 && text.startsWith('POST')) return 'POST';
  if (end === 3 && text.startsWith('GET')) return 'GET';
  return end === 6 && text.startsWith('DELETE') ? 'DELETE' : null;
}

/** Reads fields that have the names of `before`, in their order; null where they have not. */
function sameFields(bytes: Buffer, text: string, from: number, before: RequestHead): SameFields | null {
  const { rawHeaders } = before;
  let newHeaders: string[] | null = null;
  let at = from;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const value = rawHeaders[i + 1] ?? '';
    const colon = at + name.length;
    if (text.charCodeAt(colon) !== COLON || text.slice(at, colon) !== name) return null;
    const valueFrom = text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1;
    const valueEnd = valueFrom + value.length;
    // Parts of a text are compared as memory, where `startsWith` compares one character after the other.
    if (text.slice(valueFrom, valueEnd) === value && text.startsWith(LINE_END, valueEnd)) {
      at = valueEnd + LINE_END.length;
      continue;
    }
    const lineEnd = text.indexOf(LINE_END, valueFrom);
    if (lineEnd < 0) return null;
    const newValue = plainValue(bytes, valueFrom, lineEnd);
    if (newValue === null) return null;
    newHeaders ??= [...rawHeaders];
    newHeaders[i + 1] = newValue;
    at = lineEnd + LINE_END.length;
  }
  if (!text.startsWith(LINE_END, at)) return null;
  if (newHeaders === null) return { rawHeaders, headers: before.headers, end: at };
  return { rawHeaders: newHeaders, headers: changed(before.headers, newHeaders), end: at };
}

/** Headers with the same names, in the same order, and the values of `rawHeaders`. */
function changed(before: Readonly<Record<string, string>>, rawHeaders: readonly string[]): Record<string, string> {
  const headers = { ...before };
  let i = 1;
  for (const name in headers) {
    headers[name] = rawHeaders[i] ?? '';
    i += 2;
  }
  return headers;
}

function readFields(bytes: Buffer, text: string, from: number): Fields | null {
  const rawHeaders: string[] = [];
  const headers: Record<string, string> = {};
  let at = from;
  while (at < text.length) {
    const colon = text.indexOf(':', at);
    const lineEnd = text.indexOf(LINE_END, at);
    if (colon < 0 || colon > lineEnd || rawHeaders.length >= 2 * MAX_HEADERS) return null;
    const name = bytes.toString('latin1', at, colon);
    if (!TOKEN.test(name)) return null;
    const lowerName = name.toLowerCase();
    if (NOT_PLAIN.has(lowerName) || Object.hasOwn(headers, lowerName)) return null;
    const value = plainValue(bytes, text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1, lineEnd);
    if (value === null) return null;
    rawHeaders.push(name, value);
    headers[lowerName] = value;
    at = lineEnd + LINE_END.length;
  }
  return { rawHeaders, headers };
}

function plainValue(bytes: Buffer, from: number, end: number): string | null {
  const value = bytes.toString('latin1', from, end);
  return VALUE.test(value) ? value : null;
}
