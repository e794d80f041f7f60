import { openWasm, type WasmModule } from '../../core/wasm-module.ts';
import { EVENT_SKIM_MODULE } from './event-skim-module.ts';

/** Where the module has the chunk, and what stays of it (`event-skim.wat`). */
const CHUNK_AT = 1024;
const KEPT_AT = 133_120;
const MAX_CHUNK_BYTES = 131_072;
const CR = 0x0d;

/** Events of a chunk, one after the other, that need no reading. */
export interface SkimmedEvents {
  readonly count: number;
  /** Index in the chunk after the last of them. */
  readonly end: number;
  /** What stays of them where the usage, which is null, is taken out; null where all does. Valid until the next. */
  readonly kept: Buffer | null;
}

/**
 * Passes the plain events of chat streams many at a time: those that hold nothing but output. A look at each costs some
 * 0.2 µs, and this takes 0.06, for copying them there and back included (docs/performance.md).
 */
export interface EventSkimmer {
  /**
   * Passes the events that begin at `from`, until one that may matter, or is no plain one, or is not whole in the chunk.
   *
   * @param cutsNull whether only those are passed that end with `"usage":null`, or have one more member behind it, and
   *   are to go on without it (wire.md 2.1)
   * @returns null where it is the first
   */
  skim(chunk: Buffer, from: number, cutsNull: boolean): SkimmedEvents | null;
}

/** Without the vector instructions of the module each event is looked at. */
const SKIMS_NOTHING: EventSkimmer = { skim: () => null };

/** Compiles the module. */
export function openEventSkimmer(bytes: Uint8Array = Buffer.from(EVENT_SKIM_MODULE, 'base64')): EventSkimmer {
  const module = openWasm(bytes, 'skim');
  return module === null ? SKIMS_NOTHING : new WasmEventSkimmer(module);
}

class WasmEventSkimmer implements EventSkimmer {
  readonly #run: WasmModule['run'];
  readonly #bytes: Buffer;
  readonly #fields: Int32Array;

  constructor({ memory, run }: WasmModule) {
    this.#run = run;
    this.#bytes = Buffer.from(memory.buffer);
    this.#fields = new Int32Array(memory.buffer, 0, 2);
  }

  skim(chunk: Buffer, from: number, cutsNull: boolean): SkimmedEvents | null {
    const copied = chunk.copy(this.#bytes, CHUNK_AT, from, Math.min(chunk.length, from + MAX_CHUNK_BYTES));
    this.#bytes[CHUNK_AT + copied] = CR;
    const count = this.#run(CHUNK_AT, cutsNull ? 1 : 0);
    if (count === 0) return null;
    const end = from + (this.#fields[0] ?? 0) - CHUNK_AT;
    return { count, end, kept: cutsNull ? this.#bytes.subarray(KEPT_AT, this.#fields[1] ?? 0) : null };
  }
}
