/** What is used of it here; the types of the language alone have nothing of it. */
declare const WebAssembly: {
  readonly validate: (bytes: Uint8Array) => boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
};

/** The memory of a module; when it grows its buffer is another. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** @param pages of 64 KiB each */
  grow(pages: number): number;
}

/** A module with one memory and one function over it. */
export interface WasmModule {
  readonly memory: WasmMemory;
  readonly run: (...values: number[]) => number;
}

/**
 * Compiles a module, which takes less than a millisecond for the small ones here.
 *
 * @param name of the function that is called
 * @returns null where the processor has no vector instructions that the module needs
 * @throws Error where it is another module
 * @see https://webassembly.github.io/spec/js-api/
 */
export function openWasm(bytes: Uint8Array, name: string): WasmModule | null {
  if (!WebAssembly.validate(bytes)) return null;
  const { memory, [name]: run } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  if (!isMemory(memory) || !isFunction(run)) throw new Error(`the module has no memory or no function ${name}`);
  return { memory, run };
}

function isMemory(value: unknown): value is WasmMemory {
  return typeof value === 'object' && value !== null && 'buffer' in value && 'grow' in value;
}

function isFunction(value: unknown): value is (...values: number[]) => number {
  return typeof value === 'function';
}
