import { createReadStream } from 'node:fs';

/** Where a file that broke off can be gone on with. */
export interface ResumePoint {
  /** So many bytes of it stay. */
  readonly bytes: number;
  /** The id of the last record in them; null where none is, and the file begins anew. */
  readonly cursor: string | null;
}

export type ExportFileFormat = 'csv' | 'jsonl' | 'focus';

const LINE_BREAK = 0x0a;
const QUOTE = 0x22;
const ID_LENGTH = 26;
/** `{"id":"` */
const JSON_ID_START = 7;

/** Where the id of the record stands in a line with its line break (docs/exports.md). */
const ID_IN_LINE: Readonly<Record<ExportFileFormat, (line: Buffer) => Buffer>> = {
  csv: (line) => line.subarray(0, ID_LENGTH),
  jsonl: (line) => line.subarray(JSON_ID_START, JSON_ID_START + ID_LENGTH),
  focus: (line) => line.subarray(line.length - 2 - ID_LENGTH, line.length - 2),
};

/**
 * Finds how much of a broken file can be kept: all records but the last one, whose lines may not all have come. Line
 * breaks within quotes of CSV end nothing.
 *
 * @param header what the file begins with; null is given where it begins with something else
 */
export async function findResumePoint(
  path: string,
  format: ExportFileFormat,
  header: string,
): Promise<ResumePoint | null> {
  let at = 0;
  let isFirst = header !== '';
  let lastId = '';
  let previousId: string | null = null;
  let lastStart = 0;
  for await (const line of readLines(path, format !== 'jsonl')) {
    if (isFirst && line.toString('utf8') !== header) return null;
    const id = isFirst ? lastId : ID_IN_LINE[format](line).toString('latin1');
    if (id !== lastId) {
      previousId = lastId === '' ? null : lastId;
      lastId = id;
      lastStart = at;
    }
    isFirst = false;
    at += line.length;
  }
  return previousId === null ? { bytes: 0, cursor: null } : { bytes: lastStart, cursor: previousId };
}

/** The lines that have an end, each with it. */
async function* readLines(path: string, isQuoted: boolean): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    let isInQuotes = false;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (isQuoted && byte === QUOTE) isInQuotes = !isInQuotes;
      if (byte !== LINE_BREAK || isInQuotes) continue;
      yield bytes.subarray(start, at + 1);
      start = at + 1;
    }
    rest = bytes.subarray(start);
  }
}
