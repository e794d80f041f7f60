/** One line of a header block. */
export interface HeaderField {
  /** As it was sent. */
  readonly name: string;
  readonly lowerName: string;
  /** Without the white space around it; bytes above 127 are latin1. */
  readonly value: string;
  /** As it is written: the name, a colon, a blank, the value, CR LF. */
  readonly line: string;
}

/** A field of a name and a value that are known to be sound. */
export function headerField(name: string, value: string, lowerName = name.toLowerCase()): HeaderField {
  return { name, lowerName, value, line: `${name}: ${value}\r\n` };
}

/** A header block that is not one. The message says what is wrong with it, without quoting it. */
export class HeaderBlockError extends Error {
  override readonly name = 'HeaderBlockError';
}

/** A line of a block that was read before. */
interface KnownLine {
  /** As it was sent, with the CR LF that ends it. */
  readonly line: string;
  readonly field: HeaderField;
}

interface FieldName {
  readonly name: string;
  readonly lowerName: string;
}

/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What may stand in a value: visible characters, spaces, tabs, and bytes above 127 (RFC 9110 5.5). */
const NOT_IN_VALUE = '[^\\t\\x20-\\x7e\\x80-\\xff]';
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const CR = 0x0d;
const LF = 0x0a;
const LINE_END_CHARACTERS = 2;
/** The names of all clients and upstreams that behave are fewer. */
const MAX_KEPT_NAMES = 1000;
const MAX_KEPT_NAME_CHARACTERS = 64;
/** Lines are kept of blocks that are no longer than the usual: a line keeps all of the text that it came in. */
const MAX_KEPT_LINES = 32;
const MAX_KEPT_TEXT_CHARACTERS = 4096;

/**
 * Reads header blocks of HTTP/1.1 strictly (RFC 9112 5): a name is a token and stands right before its colon, lines end
 * with CR LF and are not folded, values have no control characters but tabs. What a lenient reader would make of
 * anything else is where two readers of one message can differ, and where requests are smuggled (RFC 9112 11.2).
 *
 * It keeps the names that it has seen, up to a bound, with their lower case: making and checking those again would cost
 * more than all else. It also keeps the lines of the blocks before by their place: an upstream says most things with
 * every answer, and a line that is the same to its last byte is neither searched nor checked nor made again.
 */
export class HeaderBlockReader {
  readonly #names = new Map<string, FieldName>();
  readonly #lines: KnownLine[] = [];
  /** Sought with `lastIndex`, which makes no object for what it finds. */
  readonly #notInValue = new RegExp(NOT_IN_VALUE, 'g');

  /**
   * @param text a message's head as latin1, up to and with the empty line that ends it
   * @param from where the block begins: after the request line or the status line
   * @returns the fields in their order
   * @throws HeaderBlockError
   */
  read(text: string, from: number): HeaderField[] {
    const fields: HeaderField[] = [];
    for (let at = from; ; ) {
      const known = this.#lines[fields.length];
      if (known !== undefined && isAt(text, at, known.line)) {
        fields.push(known.field);
        at += known.line.length;
        continue;
      }
      const lineEnd = this.#lineEnd(text, at);
      if (lineEnd === at) return fields;
      const next = lineEnd + LINE_END_CHARACTERS;
      const line = text.slice(at, next);
      const field = this.#field(text, at, { lineEnd, line, likely: known?.field ?? null });
      if (fields.length < MAX_KEPT_LINES && text.length <= MAX_KEPT_TEXT_CHARACTERS) {
        this.#lines[fields.length] = { line, field };
      }
      fields.push(field);
      at = next;
    }
  }

  /** Where the CR of the line that begins at `from` stands. The search is for what no line may hold. */
  #lineEnd(text: string, from: number): number {
    this.#notInValue.lastIndex = from;
    if (!this.#notInValue.test(text)) throw new HeaderBlockError('The header block does not end.');
    const at = this.#notInValue.lastIndex - 1;
    if (text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF) return at;
    throw new HeaderBlockError('A header line holds a control character, or does not end with CR LF.');
  }

  /** @param likely a field whose name this one probably has too */
  #field(
    text: string,
    from: number,
    { lineEnd, line, likely }: { readonly lineEnd: number; readonly line: string; readonly likely: HeaderField | null },
  ): HeaderField {
    const isLikely = likely !== null && isNameAt(text, from, likely.name);
    const colon = isLikely ? from + likely.name.length : text.indexOf(':', from);
    if (colon < 0 || colon > lineEnd) throw new HeaderBlockError('A header line has no colon.');
    const { name, lowerName } = isLikely ? likely : this.#nameOf(text.slice(from, colon));
    let start = colon + 1;
    let end = lineEnd;
    while (start < end && isSpace(text.charCodeAt(start))) start++;
    while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
    const value = text.slice(start, end);
    const isUsual = start === colon + 2 && end === lineEnd && text.charCodeAt(colon + 1) === SPACE;
    return isUsual ? { name, lowerName, value, line } : headerField(name, value, lowerName);
  }

  #nameOf(written: string): FieldName {
    const kept = this.#names.get(written);
    if (kept !== undefined) return kept;
    if (!TOKEN.test(written)) throw new HeaderBlockError('A header name is no token, or is not followed by its colon.');
    // A part of a text keeps the whole text: what is kept is made anew.
    const name = Buffer.from(written, 'latin1').toString('latin1');
    const field = { name, lowerName: name.toLowerCase() };
    if (this.#names.size < MAX_KEPT_NAMES && name.length <= MAX_KEPT_NAME_CHARACTERS) this.#names.set(name, field);
    return field;
  }
}

function isNameAt(text: string, at: number, name: string): boolean {
  return text.charCodeAt(at + name.length) === COLON && isAt(text, at, name);
}

/** A part of a text is compared as memory, where `startsWith` compares it one character after the other. */
function isAt(text: string, at: number, part: string): boolean {
  return text.slice(at, at + part.length) === part;
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}
