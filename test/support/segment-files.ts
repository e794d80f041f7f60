import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CallRecord } from '../../src/ledger/record.ts';
import { lineOf, type RowStep } from '../../src/ledger/row-lines.ts';
import { SealedLines, unsealLine } from '../../src/ledger/sealed-lines.ts';
import type { SegmentFile } from '../../src/ledger/segment-file.ts';
import { segmentFileName, segmentsFolder } from '../../src/ledger/segment-name.ts';

export type Step = readonly [RowStep, CallRecord];

/** Rows as they stand in a segment, written together. */
export function sealed(...rows: readonly string[]): Buffer {
  const group = new SealedLines();
  for (const row of rows) group.append(row);
  group.seal();
  return Buffer.from(group.bytes);
}

/** The rows of a segment. */
export function rowsIn(segment: string): string[] {
  const lines = segment.split('\n').slice(0, -1);
  return lines.flatMap((line) => unsealLine(Buffer.from(line)) ?? [`not sealed: ${line}`]);
}

/** Rows as they stand in a segment. */
export function sealedRows(...steps: readonly Step[]): Buffer {
  return sealed(...steps.map(([step, record]) => lineOf(step, record)));
}

/** A segment of a process that is played by the test. */
export class PlayedSegment {
  readonly path: string;

  /** @param isOfEarlier whether it is named as earlier versions did */
  constructor(dataDir: string, { instanceId = 'one', number = 0, isOfEarlier = false } = {}) {
    const folder = segmentsFolder(dataDir);
    mkdirSync(folder, { recursive: true });
    const fileName = segmentFileName({ instanceId, life: '0123456789abcdef'.repeat(2), number });
    this.path = join(folder, isOfEarlier ? fileName.replace(/\.rows$/, '.log') : fileName);
    this.append(Buffer.alloc(0));
  }

  append(bytes: Uint8Array): void {
    appendFileSync(this.path, bytes);
  }

  write(...steps: readonly Step[]): void {
    this.append(sealedRows(...steps));
  }
}

/** What the played disk does with the next write or sync. */
export type DiskDoes = 'all' | 'sync fails' | 'nothing' | { readonly error: string } | { readonly atMost: number };

/** A file in memory, on a disk that does as it is told, and then as it should. */
export class PlayedFile implements SegmentFile {
  readonly does: DiskDoes[] = [];
  readonly writes: { readonly position: number; readonly length: number }[] = [];
  syncs = 0;
  isClosed = false;
  #bytes = Buffer.alloc(0);

  get text(): string {
    return this.#bytes.toString('utf8');
  }

  write(bytes: Uint8Array, position: number, done: (error: Error | null, written: number) => void): void {
    const does = this.does[0] === 'sync fails' ? 'all' : (this.does.shift() ?? 'all');
    if (does === 'nothing') return;
    this.writes.push({ position, length: bytes.length });
    const taken = Buffer.from(
      bytes.subarray(0, typeof does === 'object' && 'atMost' in does ? does.atMost : undefined),
    );
    setImmediate(() => {
      if (typeof does === 'object' && 'error' in does) return done(errnoError(does.error), 0);
      const end = Math.max(this.#bytes.length, position + taken.length);
      const grown = Buffer.concat([this.#bytes, Buffer.alloc(end - this.#bytes.length)]);
      taken.copy(grown, position);
      this.#bytes = grown;
      done(null, taken.length);
    });
  }

  sync(done: (error: Error | null) => void): void {
    this.syncs += 1;
    const fails = this.does[0] === 'sync fails';
    if (fails) this.does.shift();
    setImmediate(() => done(fails ? errnoError('EIO') : null));
  }

  close(): void {
    this.isClosed = true;
  }
}

export function errnoError(code: string): Error {
  return Object.assign(new Error(`${code}: the disk of the test`), { code });
}
