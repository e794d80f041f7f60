import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

/**
 * The journal's files: each process appends its rows to segments of its own, one after the other. `life` is another one
 * at each start, so that a file is never written to again by a later process of the same name.
 *
 * Earlier versions named theirs `.log` and put one row in a line. A process of such a version that still runs on the same
 * folder leaves those of this one alone, which it cannot read.
 */
export interface SegmentName {
  readonly instanceId: string;
  readonly life: string;
  /** Rises by one within a life. */
  readonly number: number;
}

const SEGMENT = /^([A-Za-z0-9_-]{1,128})-([0-9a-f]{32})-(\d{1,9})\.(?:rows|log)$/;

/** The folder of the segments. */
export function segmentsFolder(dataDir: string): string {
  return join(dataDir, 'journal');
}

/** A name that no other life bears. */
export function newLife(): string {
  return randomUUID().replaceAll('-', '');
}

/** The name of the file. */
export function segmentFileName({ instanceId, life, number }: SegmentName): string {
  return `${instanceId}-${life}-${number}.rows`;
}

/** Reads the name of a file; null where it is no segment's. */
export function readSegmentName(fileName: string): SegmentName | null {
  const [, instanceId, life, number] = SEGMENT.exec(fileName) ?? [];
  if (instanceId === undefined || life === undefined) return null;
  return { instanceId, life, number: Number(number) };
}
