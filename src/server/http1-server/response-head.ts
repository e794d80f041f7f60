import { type OutgoingHttpHeader, type OutgoingHttpHeaders, STATUS_CODES } from 'node:http';
import type { StrictField } from '../../streaming/client-response.ts';

/** Headers that were set one by one: by name in lower case, the name as it was given and the value. */
export type SetHeaders = ReadonlyMap<string, readonly [string, OutgoingHttpHeader]>;
/** Headers as they are given with a head: name, value, name, value, …, or by name. */
export type GivenHeaders = readonly string[] | OutgoingHttpHeaders;

/** A head that cannot be written; with the codes of Node's errors. */
export class HeadError extends Error {
  override readonly name = 'HeadError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What Node's `http` refuses in values and status texts. */
const NO_TEXT = /[^\t\x20-\x7e\x80-\xff]/;
const CLOSES = /(?:^|\W)close(?:$|\W)/i;
const CHUNKED = /(?:^|\W)chunked(?:$|\W)/i;

/**
 * The head of an answer while it is put together. Its bytes are those that Node's `ServerResponse` writes, in the same
 * order: the headers that were given, `Date`, `Connection` with `Keep-Alive`, and how the body is framed.
 */
export class ResponseHead {
  #text: string;
  #hasConnection = false;
  #hasKeepAlive = false;
  #hasLength = false;
  #hasDate = false;
  #hasCoding = false;
  readonly hasBody: boolean;
  /** Whether the connection may stay after the answer. */
  keepsAlive = true;
  /** Whether a `Date` is added where none was given. */
  sendsDate = true;
  /** Of a body that is there whole, where no header says how long it is. */
  impliedLength: number | null = null;
  isChunked = false;
  /** The connection ends with the answer. */
  isLast = false;

  /** @throws HeadError where this is no status line */
  constructor(status: number, statusText: string | undefined) {
    if (!Number.isInteger(status) || status < 100 || status > 999) {
      throw new HeadError('ERR_HTTP_INVALID_STATUS_CODE', `${status} is no status code`);
    }
    const text = statusText ?? STATUS_CODES[status] ?? 'unknown';
    if (NO_TEXT.test(text)) throw new HeadError('ERR_INVALID_CHAR', 'a character that no status text may have');
    this.#text = `HTTP/1.1 ${status} ${text}\r\n`;
    this.hasBody = status >= 200 && status !== 204 && status !== 304;
  }

  /** @throws HeadError where a name or value cannot stand in a head */
  add(headers: GivenHeaders): void {
    if (isList(headers)) {
      for (let i = 0; i + 1 < headers.length; i += 2) this.#addOne(headers[i] ?? '', headers[i + 1] ?? '');
      return;
    }
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (Array.isArray(value)) for (const one of value) this.#addOne(name, one);
      else this.#addOne(name, value === undefined ? undefined : String(value));
    }
  }

  /** Adds headers that are known to be names and values which can stand in a head. */
  addStrict(fields: readonly StrictField[]): void {
    for (const { lowerName, value, line } of fields) {
      this.#text += line;
      this.#note(lowerName, value);
    }
  }

  /**
   * Adds what stands in `headers`, in place of what was set by the same names, and the rest of what was set.
   *
   * @throws HeadError where a name or value cannot stand in a head
   */
  addOver(set: SetHeaders, headers: GivenHeaders | undefined): void {
    const all = new Map<string, [string, OutgoingHttpHeader]>();
    for (const [lowerName, [name, value]] of set) all.set(lowerName, [name, value]);
    const given = headers === undefined ? [] : pairsOf(headers);
    if (headers !== undefined && isList(headers)) for (const [name] of given) all.delete(name.toLowerCase());
    for (const [name, value] of given) {
      const before = headers !== undefined && isList(headers) ? all.get(name.toLowerCase()) : undefined;
      if (before === undefined) all.set(name.toLowerCase(), [name, value]);
      else before[1] = [before[1], value].flat().map(String);
    }
    for (const [name, value] of all.values()) {
      for (const one of Array.isArray(value) ? value : [String(value)]) this.#addOne(name, one);
    }
  }

  /**
   * Gives the head's text, one character a byte, with its last empty line.
   *
   * @param keepAliveLines what says that the connection stays
   */
  finish(keepAliveLines: string): string {
    let text = this.#text;
    if (this.sendsDate && !this.#hasDate) text += `Date: ${new Date().toUTCString()}\r\n`;
    if (!this.#hasConnection) {
      if (!this.keepsAlive) this.isLast = true;
      if (!this.keepsAlive) text += 'Connection: close\r\n';
      else text += this.#hasKeepAlive ? 'Connection: keep-alive\r\n' : keepAliveLines;
    }
    if (!this.#hasLength && !this.#hasCoding && this.hasBody) {
      this.isChunked = this.impliedLength === null;
      text += this.isChunked ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${this.impliedLength}\r\n`;
    }
    return `${text}\r\n`;
  }

  #addOne(name: string, value: string | undefined): void {
    if (!TOKEN.test(name)) throw new HeadError('ERR_INVALID_HTTP_TOKEN', 'a header has a name that is no token');
    if (value === undefined) throw new HeadError('ERR_HTTP_INVALID_HEADER_VALUE', `the header ${name} has no value`);
    if (NO_TEXT.test(value)) throw new HeadError('ERR_INVALID_CHAR', `a character that the header ${name} cannot have`);
    this.#write(name, value);
  }

  #write(name: string, value: string): void {
    this.#text += `${name}: ${value}\r\n`;
    this.#note(name, value);
  }

  /** Notes the headers that have a say in the rest of the head. */
  #note(name: string, value: string): void {
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === 'date') this.#hasDate = true;
        return;
      case 10: {
        const lowerName = name.toLowerCase();
        if (lowerName === 'keep-alive') this.#hasKeepAlive = true;
        if (lowerName !== 'connection') return;
        this.#hasConnection = true;
        if (CLOSES.test(value)) this.isLast = true;
        return;
      }
      case 14:
        if (name.toLowerCase() === 'content-length') this.#hasLength = true;
        return;
      case 17:
        if (name.toLowerCase() !== 'transfer-encoding') return;
        this.#hasCoding = true;
        if (CHUNKED.test(value)) this.isChunked = this.hasBody;
        return;
    }
  }
}

function isList(headers: GivenHeaders): headers is readonly string[] {
  return Array.isArray(headers);
}

function pairsOf(headers: GivenHeaders): [string, OutgoingHttpHeader][] {
  const pairs: [string, OutgoingHttpHeader][] = [];
  if (isList(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([headers[i] ?? '', headers[i + 1] ?? '']);
    return pairs;
  }
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) pairs.push([name, value]);
  return pairs;
}
