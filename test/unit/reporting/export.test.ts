import { describe, expect, it } from 'vitest';
import type { LedgerReader, RecordFilter } from '../../../src/ledger/ledger-reader.ts';
import { type ExportRequest, openExport } from '../../../src/reporting/export.ts';
import { JSON_LINES } from '../../../src/reporting/export-format.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { MemoryLedgerReader } from '../../support/memory-ledger-reader.ts';

const ALL: RecordFilter = {
  team: null,
  keyId: null,
  runId: null,
  sessionId: null,
  model: null,
  ending: null,
  startMs: null,
  endMs: null,
};
const REQUEST: ExportRequest = { filter: ALL, format: JSON_LINES, cursor: null, limit: null, withHeader: true };

const idsOf = (text: string) => [...text.matchAll(/^\{"id":"(\w+)"/gm)].map(([, id]) => id);

async function readAll(parts: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const part of parts) text += part;
  return text;
}

/** Counts the pages that were asked for. */
function countingReader(records: number) {
  const reader = new MemoryLedgerReader(Array.from({ length: records }, (_, n) => makeCallRecord(n)));
  let pages = 0;
  const counting: Pick<LedgerReader, 'lastSettlement' | 'settlementOf' | 'settledEntries'> = {
    lastSettlement: () => reader.lastSettlement(),
    settlementOf: (filter, id) => reader.settlementOf(filter, id),
    settledEntries: (filter, page) => {
      pages++;
      return reader.settledEntries(filter, page);
    },
  };
  return { reader, counting, pages: () => pages };
}

describe('openExport', () => {
  it('reads a page when it is asked for, and no page ahead', async () => {
    const { counting, pages } = countingReader(2_000);
    const { parts } = await openExport(counting, REQUEST);
    expect(pages()).toBe(1);
    await parts.next();
    expect(pages()).toBe(1);
    await readAll(parts);
    expect(pages()).toBe(4);
  });

  it('reads no more when it is ended', async () => {
    const { counting, pages } = countingReader(2_000);
    const { parts } = await openExport(counting, REQUEST);
    await parts.next();
    await parts.return(undefined);
    expect(await parts.next()).toEqual({ done: true, value: undefined });
    expect(pages()).toBe(1);
  });

  it('ends with the newest record of its beginning, and goes on after it with its cursor', async () => {
    const { reader, counting } = countingReader(600);
    const { parts, nextCursor } = await openExport(counting, REQUEST);
    reader.commit(makeCallRecord(700));
    expect(idsOf(await readAll(parts))).toHaveLength(600);
    const next = await openExport(counting, { ...REQUEST, cursor: nextCursor });
    expect(idsOf(await readAll(next.parts))).toEqual([makeCallRecord(700).id]);
  });

  it('fails where the ledger cannot be read: at once, or in the middle', async () => {
    const { counting } = countingReader(2_000);
    const unreadable = () => Promise.reject(new Error('no ledger'));
    await expect(openExport({ ...counting, settledEntries: unreadable }, REQUEST)).rejects.toThrow('no ledger');
    let pages = 0;
    const failing: typeof counting = {
      ...counting,
      settledEntries: (filter, page) => (++pages < 3 ? counting.settledEntries(filter, page) : unreadable()),
    };
    const { parts } = await openExport(failing, REQUEST);
    await expect(readAll(parts)).rejects.toThrow('no ledger');
  });
});
