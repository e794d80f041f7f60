import { HOP_BY_HOP, namedByConnection } from './header-names.ts';
import type { HeaderField } from './http1/header-block.ts';

/** What an answer tells of its call. Another Metertap behind this one tells of its own, which is not this one's. */
const OWN_PREFIX = 'x-metertap-';

/** The headers of an upstream's answer, in their order and spelling. */
export class AnswerHeaders {
  readonly #headers: readonly HeaderField[];
  /** Whether they were read strictly: names are tokens, and no value can break out of its line. */
  readonly isStrict: boolean;

  constructor(headers: readonly HeaderField[], isStrict = false) {
    this.#headers = headers;
    this.isStrict = isStrict;
  }

  /** The value of the first header of this name, which is given in lower case; undefined where there is none. */
  get(lowerName: string): string | undefined {
    for (const header of this.#headers) if (header.lowerName === lowerName) return header.value;
    return undefined;
  }

  /**
   * Those for the client: the upstream's own, less those of that hop and those that only Metertap gives.
   *
   * @param without further names (lower case) that no longer hold, such as `content-length` of an edited body
   */
  forClient(without: readonly string[]): HeaderField[] {
    const named = namedByConnection(this.#all('connection'));
    const fields: HeaderField[] = [];
    for (const field of this.#headers) {
      const { lowerName } = field;
      if (HOP_BY_HOP.has(lowerName) || named?.has(lowerName) || without.includes(lowerName)) continue;
      if (!lowerName.startsWith(OWN_PREFIX)) fields.push(field);
    }
    return fields;
  }

  #all(lowerName: string): readonly string[] {
    const values: string[] = [];
    for (const header of this.#headers) if (header.lowerName === lowerName) values.push(header.value);
    return values;
  }
}

/** Fields as Node's `http` takes them: name, value, name, value, … */
export function pairsOf(fields: readonly HeaderField[]): string[] {
  const pairs: string[] = [];
  for (const { name, value } of fields) pairs.push(name, value);
  return pairs;
}
