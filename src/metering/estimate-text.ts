/** Text whose tokens are to be counted: a bounded sample of it, and what its count stands for. */
export interface CountableText {
  readonly sample: string;
  /** By how much the whole is larger than the sample. */
  readonly factor: number;
  /** Tokens that are known without counting. */
  readonly fixedTokens: number;
}

/** Of nothing. */
export const NO_TEXT: CountableText = { sample: '', factor: 1, fixedTokens: 0 };

/** The tokens of the whole text, given those of its sample. */
export function wholeTokens(text: CountableText, sampleTokens: number): number {
  return Math.max(0, Math.ceil(text.fixedTokens + sampleTokens * text.factor));
}

/**
 * Most text that is kept to be counted, in bytes (standards.md 7.2). What is longer is taken to go on as it began.
 */
export const MAX_SAMPLE_BYTES = 256 * 1024;

/** Gathers the strings of a JSON text that count as text. */
export class TextTally {
  readonly #separator: string;
  readonly #parts: string[] = [];
  #bytes = 0;
  #sampledBytes = 0;
  #fixedTokens = 0;

  /** @param separator what is put between two strings; '' where they are pieces of one text */
  constructor(separator: '' | ' ') {
    this.#separator = separator;
  }

  /** Adds the string between two quotes, as it is written in JSON. */
  add(json: Buffer, start: number, end: number): void {
    if (end <= start) return;
    this.#bytes += end - start;
    const takenEnd = Math.min(end, start + MAX_SAMPLE_BYTES - this.#sampledBytes);
    if (takenEnd <= start) return;
    this.#sampledBytes += takenEnd - start;
    this.#parts.push(unescaped(json.toString('utf8', start, takenEnd)));
  }

  addTokens(tokens: number): void {
    this.#fixedTokens += tokens;
  }

  /** @param walked the part of the JSON text in which the strings were looked for, from 0 to 1 */
  finish(walked: number): CountableText {
    const whole = walked > 0 ? 1 / walked : 1;
    return {
      sample: this.#parts.join(this.#separator),
      factor: this.#sampledBytes === 0 ? whole : (whole * this.#bytes) / this.#sampledBytes,
      fixedTokens: this.#fixedTokens * whole,
    };
  }
}

/** The text of a JSON string; one that is cut off within an escape loses that, one that is no JSON stays as it is. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return parsed(text) ?? parsed(text.slice(0, text.lastIndexOf('\\'))) ?? text;
}

function parsed(text: string): string | null {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return null;
  }
}
