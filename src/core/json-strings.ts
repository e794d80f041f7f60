/**
 * Finds where a JSON string ends, by its bytes. Most strings are short and cost a look at each byte. What is long is an
 * answer's text, with an escaped quote in every other line: no search for quotes is quick there, and what is looked for
 * is the member that follows.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** How far a string is looked at byte by byte before a native search takes over. */
const NEAR_BYTES = 48;
const FOUR_QUOTES = 0x22222222;
/** From so far on in a string with escaped quotes the member that follows is looked for. */
const LONG_BYTES = 1024;
/** Text is made of so many bytes at first, to find a colon in, then of twice as many, but of no large object. */
const FIRST_WINDOW_BYTES = 8192;
const MAX_WINDOW_BYTES = 65_536;
/**
 * The member that follows is looked for within so many times what is known of the string, and of that so many times more
 * is looked through byte by byte before it is looked for further on. Else strings that no key follows, in a long list,
 * would each have the whole rest of the text searched.
 */
const SOUGHT_PER_KNOWN = 64;
const KNOWN_GROWTH = 4;
/** So many colons are looked at in any case, and beyond that if they are further apart than so many bytes. */
const FREE_COLONS = 64;
const BYTES_PER_COLON = 12;

/** Index of the first byte at or after `at` that is not JSON white space. */
export function skipSpace(bytes: Buffer, at: number): number {
  let index = at;
  while (isSpace(bytes[index])) index++;
  return index;
}

/** Index of the last byte before `at` that is no white space. */
export function lastBefore(bytes: Buffer, at: number): number {
  let index = at - 1;
  while (index >= 0 && isSpace(bytes[index])) index--;
  return index;
}

/**
 * Index after the string whose opening quote is at `at`; -1 if there is none or it does not end.
 *
 * @param bytes of valid JSON, or of the beginning of one; where they are not, the end of a long string may be given as
 *   one that a parser would not reach
 */
export function skipString(bytes: Buffer, at: number): number {
  if (bytes[at] !== QUOTE) return -1;
  const near = Math.min(at + 1 + NEAR_BYTES, bytes.length);
  let index = at + 1;
  while (index < near) {
    const byte = bytes[index];
    if (byte === QUOTE) return index + 1;
    index += byte === BACKSLASH ? 2 : 1;
  }
  if (index >= bytes.length) return -1;
  const quote = bytes.indexOf(QUOTE, index);
  if (quote < 0 || !isEscaped(bytes, quote, at)) return quote < 0 ? -1 : quote + 1;
  return skipLongString(bytes, at, quote + 1);
}

/** The same, given that an escaped quote stands before `from`, and none that is not escaped. */
function skipLongString(bytes: Buffer, at: number, from: number): number {
  const far = Math.min(bytes.length, Math.max(from, at + LONG_BYTES));
  const end = endWithin(bytes, { at, from, to: far });
  if (end >= 0 || far === bytes.length) return end;
  return new KeySearch(bytes, at, far).stringEnd();
}

/** What a look for a key comes to that finds none: there may be one further on, or it does not pay to go on. */
const NOT_YET = -1;
const GIVEN_UP = -2;

interface StringPart {
  /** Where the string's opening quote is. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** Index after the string's closing quote, if that is in this part of it, else -1. Looks at four bytes together. */
function endWithin(bytes: Buffer, { at, from, to }: StringPart): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const lastWord = to - 4;
  let index = from;
  while (index <= lastWord) {
    const marks = quoteMarks(words.getInt32(index, true));
    if (marks === 0) {
      index += 4;
      continue;
    }
    index += (31 - Math.clz32(marks & -marks)) >> 3;
    if (!isEscaped(bytes, index, at)) return index + 1;
    index++;
  }
  for (; index < to; index++) if (bytes[index] === QUOTE && !isEscaped(bytes, index, at)) return index + 1;
  return -1;
}

/**
 * Marks quotes among four bytes, by the highest bit of each: a quote becomes zero, and to take one from zero borrows. The
 * lowest mark is right; above a quote there may be wrong ones.
 */
function quoteMarks(word: number): number {
  const zeros = word ^ FOUR_QUOTES;
  return (zeros - 0x01010101) & ~zeros & 0x80808080;
}

/** Whether an odd number of backslashes stands before the quote at `index`, in the string that opens at `at`. */
function isEscaped(bytes: Buffer, index: number, at: number): boolean {
  let start = index;
  while (start - 1 > at && bytes[start - 1] === BACKSLASH) start--;
  return (index - start) % 2 === 1;
}

/**
 * Finds the end of a string from the key that follows it.
 *
 * In a string every quote has a backslash before it. So the first colon that comes after a quote without one is that of a
 * key, the next key behind the string. If the last string before this key is the value of a member, it is the string that
 * is looked for: any other would have a key of its own, which would come before.
 */
class KeySearch {
  readonly #bytes: Buffer;
  /** Where the string's opening quote is. */
  readonly #at: number;
  readonly #from: number;
  /** The string goes on up to here at least. */
  #known: number;
  /** The colon of the next key does not stand before. */
  #sought: number;
  #colons = 0;
  #size = FIRST_WINDOW_BYTES;

  /** @param from where to begin to look, within the string */
  constructor(bytes: Buffer, at: number, from: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#from = from;
    this.#known = from;
    this.#sought = from;
  }

  /** Index after the string; -1 if it does not end. */
  stringEnd(): number {
    const { length } = this.#bytes;
    while (this.#sought < length && this.#known < length) {
      const most = this.#at + (this.#known - this.#at) * SOUGHT_PER_KNOWN;
      if (this.#sought >= most) {
        const end = this.#lookThrough(Math.min(length, this.#at + (this.#known - this.#at) * KNOWN_GROWTH));
        if (end >= 0) return end;
      } else {
        const quote = this.#colons === 0 ? this.#firstColon(most) : this.#keyInWindow();
        if (quote === GIVEN_UP) break;
        if (quote === NOT_YET) continue;
        const end = endBeforeKey(this.#bytes, this.#at, quote);
        if (end >= 0) return end;
        break;
      }
    }
    return this.#lookThrough(length);
  }

  #lookThrough(to: number): number {
    const end = endWithin(this.#bytes, { at: this.#at, from: this.#known, to });
    this.#known = to;
    return end;
  }

  /** The first is looked for in the bytes, for prose may have none; the others in text, where a search takes less to begin. */
  #firstColon(most: number): number {
    const to = Math.min(this.#bytes.length, most);
    const found = this.#bytes.subarray(this.#sought, to).indexOf(COLON);
    this.#sought = found < 0 ? to : this.#sought + found;
    return found < 0 ? NOT_YET : this.#keyInWindow();
  }

  /** Index of the closing quote of a key, if its colon stands in the next window. */
  #keyInWindow(): number {
    const start = this.#sought;
    const text = this.#bytes.toString('latin1', start, Math.min(this.#bytes.length, start + this.#size));
    for (let colon = text.indexOf(':'); colon >= 0; colon = text.indexOf(':', colon + 1)) {
      const quote = lastBefore(this.#bytes, start + colon);
      if (this.#bytes[quote] === QUOTE && !isEscaped(this.#bytes, quote, this.#at)) return quote;
      this.#colons++;
      if (this.#colons > FREE_COLONS && this.#colons * BYTES_PER_COLON > start + colon - this.#from) return GIVEN_UP;
    }
    this.#sought = start + this.#size;
    this.#size = Math.min(this.#size * 2, MAX_WINDOW_BYTES);
    return NOT_YET;
  }
}

/**
 * Index after the last string before the key that closes at `keyEnd`, if that string is the value of a member.
 *
 * What has only letters and the like between its quotes is a string, and not what is between two strings, for there is a
 * comma or a colon.
 */
function endBeforeKey(bytes: Buffer, at: number, keyEnd: number): number {
  let keyStart = keyEnd - 1;
  while (isNameByte(bytes[keyStart])) keyStart--;
  if (bytes[keyStart] !== QUOTE) return -1;
  let quote = keyStart - 1;
  while (isBetweenStrings(bytes[quote])) quote--;
  if (quote <= at || bytes[quote] !== QUOTE || isEscaped(bytes, quote, at)) return -1;
  const next = skipSpace(bytes, quote + 1);
  const endsMember = bytes[next] === CLOSE_BRACE || (bytes[next] === COMMA && skipSpace(bytes, next + 1) === keyStart);
  return endsMember ? quote + 1 : -1;
}

/** Whether it is a letter of ASCII, a digit, or `_`. */
function isNameByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f;
}

function isBetweenStrings(byte: number | undefined): boolean {
  if (byte === COMMA || byte === OPEN_BRACE || byte === CLOSE_BRACE) return true;
  return byte === OPEN_BRACKET || byte === CLOSE_BRACKET || isSpace(byte);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
