/** An answer as far as it has come, read out of the bytes of a connection. */
export interface Transcript {
  /** Null where no head has come. */
  readonly status: number | null;
  /** Without the frames of chunks. */
  readonly body: Buffer;
  /** Whether it has come to its end, as HTTP has it. */
  readonly whole: boolean;
}

/** Reads the first answer of a connection out of all that has come. */
export function readTranscript(received: Buffer): Transcript {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return { status: null, body: Buffer.alloc(0), whole: false };
  const head = received.toString('latin1', 0, headEnd);
  const rest = received.subarray(headEnd + 4);
  const status = Number(head.split(' ', 2)[1]);
  if (/^transfer-encoding:\s*chunked\s*$/im.test(head)) return { status, ...readChunks(rest) };
  const length = Number(/^content-length:\s*(\d+)\s*$/im.exec(head)?.[1] ?? Number.NaN);
  return { status, body: rest, whole: rest.length === length };
}

function readChunks(bytes: Buffer): { body: Buffer; whole: boolean } {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return { body: Buffer.concat(parts), whole: false };
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (size === 0) return { body: Buffer.concat(parts), whole: true };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
