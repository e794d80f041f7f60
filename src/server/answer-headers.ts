import { HOP_BY_HOP, namedByConnection, namesOfParsed } from './header-names.ts';

/** What an answer tells of its call. Another Metertap behind this one tells of its own, which is not this one's. */
const OWN_PREFIX = 'x-metertap-';
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

interface Header {
  /** As the upstream wrote it. */
  readonly name: string;
  readonly lowerName: string;
  readonly value: string;
}

/** The headers of an upstream's answer, in their order and spelling. */
export class AnswerHeaders {
  readonly #headers: readonly Header[];

  /** Use `answerHeadersOf`. */
  constructor(headers: readonly Header[]) {
    this.#headers = headers;
  }

  /** The value of the first header of this name, which is given in lower case; undefined where there is none. */
  get(lowerName: string): string | undefined {
    for (const header of this.#headers) if (header.lowerName === lowerName) return header.value;
    return undefined;
  }

  /**
   * Name, value, name, value, … for the client: the upstream's own, less those of that hop and those that only Metertap
   * gives.
   *
   * @param without further names (lower case) that no longer hold, such as `content-length` of an edited body
   */
  forClient(without: readonly string[]): string[] {
    const named = namedByConnection(this.#all('connection'));
    const headers: string[] = [];
    for (const { name, lowerName, value } of this.#headers) {
      if (HOP_BY_HOP.has(lowerName) || named?.has(lowerName) || without.includes(lowerName)) continue;
      if (lowerName.startsWith(OWN_PREFIX)) continue;
      headers.push(name, value);
    }
    return headers;
  }

  #all(lowerName: string): readonly string[] {
    const values: string[] = [];
    for (const header of this.#headers) if (header.lowerName === lowerName) values.push(header.value);
    return values;
  }
}

/**
 * Reads the headers of an answer as undici gives them, twice: raw, as a list of name, value, name, value, … in buffers,
 * and parsed, by names in lower case. What the parsed ones have as a string already is not made again.
 */
export function answerHeadersOf(
  rawHeaders: unknown,
  parsed: Readonly<Record<string, string | string[] | undefined>>,
): AnswerHeaders {
  if (!Array.isArray(rawHeaders)) return new AnswerHeaders([]);
  const count = rawHeaders.length >> 1;
  const names = namesOfParsed(parsed, count);
  const headers: Header[] = [];
  for (let i = 0; i < count; i++) {
    const rawName: unknown = rawHeaders[2 * i];
    const lowerName = names?.[i];
    const value = lowerName === undefined ? undefined : parsed[lowerName];
    if (lowerName !== undefined && typeof value === 'string') {
      headers.push({ name: isLowerCase(rawName) ? lowerName : textOf(rawName), lowerName, value });
    } else {
      const name = textOf(rawName);
      headers.push({ name, lowerName: name.toLowerCase(), value: textOf(rawHeaders[2 * i + 1]) });
    }
  }
  return new AnswerHeaders(headers);
}

function isLowerCase(name: unknown): boolean {
  if (!Buffer.isBuffer(name)) return false;
  for (const byte of name) if (byte >= UPPER_A && byte <= UPPER_Z) return false;
  return true;
}

function textOf(part: unknown): string {
  return Buffer.isBuffer(part) ? part.toString('latin1') : String(part);
}
