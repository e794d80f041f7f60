import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { LedgerError } from '../../../src/ledger/ledger-error.ts';
import { SegmentWriter, type SegmentWriterOptions } from '../../../src/ledger/segment-writer.ts';
import { PlayedFile, rowsIn } from '../../support/segment-files.ts';

interface Stage {
  readonly writer: SegmentWriter;
  readonly files: readonly PlayedFile[];
  readonly faults: readonly LedgerError[];
  written(): number;
}

async function start(options: Partial<SegmentWriterOptions> = {}): Promise<Stage> {
  const files: PlayedFile[] = [];
  const faults: LedgerError[] = [];
  let written = 0;
  const writer = new SegmentWriter({
    openSegment: async (number) => {
      expect(number).toBe(files.length);
      const file = new PlayedFile();
      files.push(file);
      return file;
    },
    synchronous: 'normal',
    segmentBytes: 1_000_000,
    onWritten: (rows) => {
      written += rows;
    },
    onFault: (error) => faults.push(error),
    ...options,
  });
  await writer.start();
  onTestFinished(() => void writer.close());
  return { writer, files, faults, written: () => written };
}

const ROWS = Array.from({ length: 40 }, (_, n) => `f[${n},"ä\u2028 ${'x'.repeat(n)}"]`);

function fileOf({ files }: Stage, number = 0): PlayedFile {
  const file = files[number];
  if (file === undefined) throw new Error('There is no such file.');
  return file;
}

const untilWritten = (stage: Stage, rows: number): Promise<void> =>
  vi.waitFor(() => expect(stage.written()).toBe(rows), { timeout: 5_000, interval: 5 });

function clockAt(ms: number): void {
  const now = vi.spyOn(performance, 'now').mockReturnValue(ms);
  onTestFinished(() => void now.mockRestore());
}

/** What comes within a turn of the event loop is seen by the writer at its end. */
const oneTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function eachInItsTurn({ writer }: Stage, rows: readonly string[]): Promise<void> {
  for (const row of rows) {
    writer.append(row);
    await oneTurn();
  }
}

async function turnsUntil(isSo: () => boolean): Promise<number> {
  for (let turns = 0; ; turns++) {
    if (isSo()) return turns;
    await oneTurn();
  }
}

describe('a writer of segments', () => {
  it('writes what comes in one turn at once, and what comes meanwhile together', async () => {
    const stage = await start();
    for (const row of ROWS.slice(0, 10)) stage.writer.append(row);
    await vi.waitFor(() => expect(fileOf(stage).writes).toHaveLength(1), { interval: 1 });
    for (const row of ROWS.slice(10)) stage.writer.append(row);
    await untilWritten(stage, 40);
    expect(rowsIn(fileOf(stage).text)).toEqual(ROWS);
    expect(fileOf(stage).writes).toHaveLength(2);
    expect(stage.faults).toEqual([]);
  });

  it('has a group wait after a large one for as long as each turn brings a row', async () => {
    clockAt(1_000);
    const stage = await start();
    for (const row of ROWS.slice(0, 20)) stage.writer.append(row);
    await untilWritten(stage, 20);
    await eachInItsTurn(stage, ROWS.slice(20));
    expect(fileOf(stage).writes).toHaveLength(1);
    const turns = await turnsUntil(() => fileOf(stage).writes.length === 2);
    expect(turns).toBeLessThanOrEqual(2); // the clock stands still: it was no time that ended the wait
    await untilWritten(stage, 40);
    expect(rowsIn(fileOf(stage).text)).toEqual(ROWS);
  });

  it('has it wait for a quarter of a millisecond after a group of one row', async () => {
    clockAt(1_000);
    const stage = await start();
    stage.writer.append('first');
    await untilWritten(stage, 1);
    clockAt(1_000.2);
    await eachInItsTurn(stage, ROWS.slice(0, 10));
    expect(fileOf(stage).writes).toHaveLength(1);
    clockAt(1_000.25);
    await eachInItsTurn(stage, ROWS.slice(10, 12));
    expect(fileOf(stage).writes).toHaveLength(2);
    await untilWritten(stage, 13);
    expect(rowsIn(fileOf(stage).text)).toEqual(['first', ...ROWS.slice(0, 12)]);
  });

  it('has it wait for 2 ms at most', async () => {
    clockAt(1_000);
    const stage = await start();
    for (const row of ROWS.slice(0, 20)) stage.writer.append(row);
    await untilWritten(stage, 20);
    clockAt(1_001.9);
    await eachInItsTurn(stage, ROWS.slice(20, 30));
    expect(fileOf(stage).writes).toHaveLength(1);
    clockAt(1_002);
    await eachInItsTurn(stage, ROWS.slice(30, 32));
    expect(fileOf(stage).writes).toHaveLength(2);
    await eachInItsTurn(stage, ROWS.slice(32));
    await untilWritten(stage, 40);
    expect(rowsIn(fileOf(stage).text)).toEqual(ROWS);
  });

  it.each([1, 3, 57, 400])('goes on where a write was short, %i bytes at a time', async (atMost) => {
    const stage = await start();
    fileOf(stage).does.push(...Array.from({ length: 20 }, () => ({ atMost })));
    for (const row of ROWS) stage.writer.append(row);
    await untilWritten(stage, 40);
    expect(rowsIn(fileOf(stage).text)).toEqual(ROWS);
  });

  it('tells a write that fails, and tries the same bytes again at the same place', async () => {
    const stage = await start();
    fileOf(stage).does.push({ atMost: 30 }, { error: 'ENOSPC' }, { error: 'EIO' });
    for (const row of ROWS.slice(0, 5)) stage.writer.append(row);
    await vi.waitFor(() => expect(stage.faults).toHaveLength(1), { interval: 1 });
    expect(stage.written()).toBe(0);
    for (const row of ROWS.slice(5)) stage.writer.append(row);
    await untilWritten(stage, 40);
    expect(stage.faults.map(({ fault }) => fault)).toEqual(['full', 'failed']);
    const [, second, third, fourth] = fileOf(stage).writes;
    expect(second?.position).toBe(30);
    expect([third, fourth]).toEqual([second, second]);
    expect(rowsIn(fileOf(stage).text)).toEqual(ROWS);
  });

  it('has the disk keep what it says is durable, and writes it again where that fails', async () => {
    const stage = await start({ synchronous: 'full' });
    stage.writer.append('f1');
    await untilWritten(stage, 1);
    expect(fileOf(stage).syncs).toBe(1);
    fileOf(stage).does.push('sync fails');
    stage.writer.append('f2');
    await untilWritten(stage, 2);
    expect(stage.faults).toHaveLength(1);
    expect(fileOf(stage).writes.map(({ position }) => position)).toEqual([0, 12, 12]);
    expect(rowsIn(fileOf(stage).text)).toEqual(['f1', 'f2']);
  });

  it('says nothing is durable while the disk does not answer', async () => {
    const stage = await start();
    fileOf(stage).does.push('nothing');
    stage.writer.append('f1');
    await vi.waitFor(() => expect(fileOf(stage).does).toEqual([]), { interval: 1 });
    stage.writer.append('f2');
    expect(stage.writer.close()).toBe(false);
    expect([stage.written(), fileOf(stage).isClosed]).toEqual([0, false]); // it may still write to that descriptor
  });

  it('begins another segment when one is long enough, after a whole write', async () => {
    const stage = await start({ segmentBytes: 100 });
    for (const [n, row] of ROWS.slice(0, 12).entries()) {
      stage.writer.append(row);
      await untilWritten(stage, n + 1);
    }
    expect(stage.files.length).toBeGreaterThan(2);
    expect(stage.files.flatMap(({ text }) => rowsIn(text))).toEqual(ROWS.slice(0, 12));
    const begun = stage.files.findLastIndex(({ text }) => text !== '');
    for (const file of stage.files.slice(0, begun)) {
      expect(file.isClosed).toBe(true);
      expect(file.text.length).toBeGreaterThanOrEqual(100);
    }
  });

  it('goes on in the old segment while no other can be made', async () => {
    const file = new PlayedFile();
    const openSegment = vi.fn<SegmentWriterOptions['openSegment']>();
    openSegment.mockResolvedValueOnce(file).mockRejectedValue(new Error('no room'));
    const stage = await start({ openSegment, segmentBytes: 80 });
    for (const [n, row] of ROWS.entries()) {
      stage.writer.append(row);
      await untilWritten(stage, n + 1);
    }
    expect(rowsIn(file.text)).toEqual(ROWS);
    expect(openSegment.mock.calls.length).toBeGreaterThan(3);
  });

  it('settles its draining when all is written, or a write has failed', async () => {
    const stage = await start();
    await stage.writer.drain();
    for (const row of ROWS) stage.writer.append(row);
    await stage.writer.drain();
    expect(stage.written()).toBe(40);
    fileOf(stage).does.push({ error: 'EIO' }, { error: 'EIO' });
    stage.writer.append('f1');
    await stage.writer.drain();
    await stage.writer.drain();
    expect(stage.faults).toHaveLength(2);
    expect(stage.writer.close()).toBe(false);
    expect(fileOf(stage).isClosed).toBe(true);
  });
});
