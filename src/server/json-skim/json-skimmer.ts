import { openWasm, type WasmMemory, type WasmModule } from '../../core/wasm-module.ts';
import { SKIM_MODULE } from './skim-module.ts';

/** Longer texts are not skimmed: the memory that the longest one took is kept. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;
/** Shorter values are parsed sooner than left out. */
const LONG_VALUE_BYTES = 256;
/** Where the text stands in the module's memory, and what must be behind it: a zero and a block (`skim.wat`). */
const TEXT_AT = 4096;
const BEHIND_BYTES = 128;
const PAGE_BYTES = 65_536;
/** Of each long member, 32 bits each: begin and end of its name, begin and end of its value. */
const SPAN_FIELDS = 4;

/** Parses JSON objects, but leaves out what nobody reads: {@link JsonSkimmer.parse}. */
export interface Skimmer {
  parse(text: Buffer, unread: ReadonlySet<string>): unknown;
}

/** A processor whose vector instructions the module needs may be missing; then nothing is skimmed. */
const SKIMS_NOTHING: Skimmer = { parse: () => undefined };

/** Compiles the module, which takes less than a millisecond. */
export function openSkimmer(module: Uint8Array = Buffer.from(SKIM_MODULE, 'base64')): Skimmer {
  const opened = openWasm(module, 'skim');
  return opened === null ? SKIMS_NOTHING : new JsonSkimmer(opened);
}

/**
 * Parses JSON objects without the long members that nobody reads. That the whole text is valid JSON is checked all the
 * same, by the WebAssembly of `skim.wat`, 64 bytes at a time: a tenth of a nanosecond a byte, where `JSON.parse` takes
 * half of one, and more for a string that does not fit into the young generation.
 */
class JsonSkimmer implements Skimmer {
  readonly #memory: WasmMemory;
  readonly #skim: WasmModule['run'];
  #bytes: Uint8Array;
  #fields: Int32Array;

  constructor({ memory, run }: WasmModule) {
    this.#memory = memory;
    this.#skim = run;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#fields = new Int32Array(memory.buffer);
  }

  /**
   * What `JSON.parse` gives of the text, but with null in the place of members of the object that are called like one of
   * `unread` and are long.
   *
   * @param text UTF-8
   * @param unread names in ASCII
   * @returns undefined where only `JSON.parse` can tell: what is no object or no JSON, what is nested more than a
   *   thousand times, and what is longer than 8 MiB
   */
  parse(text: Buffer, unread: ReadonlySet<string>): unknown {
    if (text.length > MAX_TEXT_BYTES) return undefined;
    this.#take(text);
    const members = this.#skim(TEXT_AT, TEXT_AT + text.length, LONG_VALUE_BYTES);
    return members < 0 ? undefined : JSON.parse(this.#withoutUnread(text, members, unread));
  }

  #take(text: Buffer): void {
    const missing = TEXT_AT + text.length + BEHIND_BYTES - this.#bytes.length;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
      this.#bytes = new Uint8Array(this.#memory.buffer);
      this.#fields = new Int32Array(this.#memory.buffer);
    }
    this.#bytes.set(text, TEXT_AT);
    this.#bytes[TEXT_AT + text.length] = 0;
  }

  #withoutUnread(text: Buffer, members: number, unread: ReadonlySet<string>): string {
    let rest = 0;
    let short = '';
    for (let at = 0; at < members * SPAN_FIELDS; at += SPAN_FIELDS) {
      const name = text.toString('latin1', this.#field(at), this.#field(at + 1));
      if (!unread.has(name)) continue;
      short += `${text.toString('utf8', rest, this.#field(at + 2))}null`;
      rest = this.#field(at + 3);
    }
    return short + text.toString('utf8', rest, text.length);
  }

  #field(at: number): number {
    return (this.#fields[at] ?? 0) - TEXT_AT;
  }
}
