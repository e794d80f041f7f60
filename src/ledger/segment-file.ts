import { close, fdatasync, fsync, open, write } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { toLedgerError } from './sqlite-error.ts';

/** A file that is appended to. No call waits for the disk; each answer comes later. */
export interface SegmentFile {
  /** Writes at `position`. `written` may be less than all. */
  write(bytes: Uint8Array, position: number, done: (error: Error | null, written: number) => void): void;
  /** Has the disk keep what was written, over a loss of power too. */
  sync(done: (error: Error | null) => void): void;
  close(): void;
}

/**
 * Makes a file that only its owner can read. With `full`, its name survives a loss of power.
 *
 * @throws LedgerError with a hint
 */
export async function openSegmentFile(path: string, synchronous: 'normal' | 'full'): Promise<SegmentFile> {
  try {
    const file = new DiskFile(await promisify(open)(path, 'wx', 0o600));
    if (synchronous === 'full') await syncFolder(dirname(path));
    return file;
  } catch (error) {
    throw toLedgerError(error);
  }
}

class DiskFile implements SegmentFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(bytes: Uint8Array, position: number, done: (error: Error | null, written: number) => void): void {
    write(this.#descriptor, bytes, 0, bytes.length, position, done);
  }

  sync(done: (error: Error | null) => void): void {
    fdatasync(this.#descriptor, done);
  }

  close(): void {
    close(this.#descriptor, () => undefined); // all that it held is written or given up
  }
}

async function syncFolder(folder: string): Promise<void> {
  const descriptor = await promisify(open)(folder, 'r');
  try {
    await promisify(fsync)(descriptor);
  } finally {
    await promisify(close)(descriptor);
  }
}
