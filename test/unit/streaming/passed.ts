import type { Passage } from '../../../src/streaming/passage.ts';

/** What went out of a passage before the source ended, and what waited for the release. */
export interface Passed {
  readonly before: Buffer;
  readonly held: Buffer;
  readonly all: Buffer;
  readonly complete: boolean;
}

/** Pushes copies of the chunks, ends, and releases. */
export async function pass(passage: Passage, chunks: readonly Buffer[]): Promise<Passed> {
  const out: Buffer[] = [];
  for (const chunk of chunks) {
    const passed = passage.push(Buffer.from(chunk));
    // What has gone out is written by the socket later: it must not change any more.
    if (passed !== null) out.push(passed);
  }
  await passage.end();
  const { complete } = passage;
  const before = Buffer.concat(out);
  const held = Buffer.concat(passage.release());
  return { before, held, all: Buffer.concat([before, held]), complete };
}
