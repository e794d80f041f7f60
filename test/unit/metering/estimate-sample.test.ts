import { describe, expect, it } from 'vitest';
import type { ChunkSpan } from '../../../src/core/chunk-span.ts';
import { classifyEndpoint } from '../../../src/metering/endpoints.ts';
import { eventsIn, OutputSample } from '../../../src/metering/estimate-sample.ts';

const lines = Array.from({ length: 60 }, (_, i) => `{"choices":[{"delta":{"content":"word ${i} é"}}],"usage":null}`);

/** Gives the sample the lines of a chunk, and then writes over its bytes, as whoever read it may. */
function addChunk(sample: OutputSample, data: readonly string[], chunkNumber: number): void {
  const chunk = Buffer.from(data.map((line) => `data: ${line}\n\n`).join(''));
  const text = chunk.toString('latin1');
  let from = 0;
  for (const line of data) {
    from += 'data: '.length;
    const to = from + Buffer.byteLength(line);
    sample.addLine({ chunk, text, from, to, chunkNumber } satisfies ChunkSpan, null);
    from = to + 2;
    chunk.fill(0, 0, from);
  }
}

function chatSample(): OutputSample {
  const sample = OutputSample.for(classifyEndpoint('POST', 'chat/completions'));
  if (sample === null) throw new Error('chat is estimable');
  return sample;
}

function keptOf({ evidence }: OutputSample): string[] {
  return evidence.kind === 'events' ? [...eventsIn(evidence.bytes)].map((event) => event.toString()) : [];
}

describe('OutputSample', () => {
  it('has the lines of a chunk whose bytes have been written over since, at once and after the read', async () => {
    const sample = chatSample();
    addChunk(sample, lines.slice(0, 20), 1);
    expect(keptOf(sample)).toEqual(lines.slice(0, 20));
    addChunk(sample, lines.slice(20, 25), 2);
    await Promise.resolve();
    addChunk(sample, lines.slice(25, 27), 3);
    addChunk(sample, lines.slice(27, 30), 4);
    expect(keptOf(sample)).toEqual(lines.slice(0, 30));
  });

  it('has lines that came alone behind those that came together', () => {
    const sample = chatSample();
    addChunk(sample, lines.slice(0, 3), 1);
    addChunk(sample, lines.slice(3, 4), 2);
    addChunk(sample, lines.slice(4, 6), 3);
    expect(keptOf(sample)).toEqual(lines.slice(0, 6));
  });

  it('has the lines of two chunks that say the same, of which the first has been read only in part', async () => {
    const sample = chatSample();
    const data = lines.slice(0, 3).map((line) => Buffer.from(line));
    const chunk = Buffer.from(data.map((line) => `data: ${line}\n\n`).join(''));
    const text = chunk.toString('latin1');
    const second = {
      from: 8 + (data[0]?.length ?? 0) + 6,
      to: 8 + (data[0]?.length ?? 0) + 6 + (data[1]?.length ?? 0),
    };
    sample.addLine({ chunk, text, ...second, chunkNumber: 1 }, null);
    addChunk(sample, lines.slice(0, 3), 2);
    await Promise.resolve();
    expect(keptOf(sample)).toEqual([lines[1], ...lines.slice(0, 3)]);
  });

  it('keeps no more than 8 KiB of lines that come together, and counts all of them', () => {
    const sample = chatSample();
    const many = [...lines, ...lines, ...lines];
    addChunk(sample, many, 1);
    const { evidence } = sample;
    if (evidence.kind !== 'events') throw new Error('no events were kept');
    expect(evidence.bytes.length).toBe(8192);
    expect(evidence.totalBytes).toBe(many.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0));
  });

  it('keeps nothing once it is dropped', async () => {
    const sample = chatSample();
    addChunk(sample, lines, 1);
    sample.drop();
    await Promise.resolve();
    expect(sample.evidence).toEqual({ kind: 'nothing' });
  });
});
