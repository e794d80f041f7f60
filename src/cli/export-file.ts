import { type FileHandle, open, rename } from 'node:fs/promises';

/** A file that has its name only once it is whole; until then it is `<name>.partial`. */
export class ExportFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  #at: number;

  private constructor(path: string, handle: FileHandle, at: number) {
    this.#path = path;
    this.#handle = handle;
    this.#at = at;
  }

  /** Opens the partial file and keeps so many bytes of what is there; 0 begins it anew. */
  static async open(path: string, keptBytes: number): Promise<ExportFile> {
    const handle = await open(partialPath(path), keptBytes === 0 ? 'w' : 'r+');
    await handle.truncate(keptBytes);
    return new ExportFile(path, handle, keptBytes);
  }

  /** The size so far. */
  get bytes(): number {
    return this.#at;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, this.#at);
      written += bytesWritten;
      this.#at += bytesWritten;
    }
  }

  /** Gives the file its name. */
  async finish(): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(partialPath(this.#path), this.#path);
  }

  /** Leaves the partial file as it is. */
  async leave(): Promise<void> {
    await this.#handle.close();
  }
}

/** The name of a file that is not whole yet. */
export function partialPath(path: string): string {
  return `${path}.partial`;
}
