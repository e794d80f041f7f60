import { LAST_CHUNK, startSocketUpstream } from './socket-upstream.ts';

/** A chat stream as an upstream sends it. */
export interface ScriptedStream {
  /** To a client that asks for usage. */
  readonly asked: Buffer;
  /** To one that does not. */
  readonly unasked: Buffer;
}

/** An upstream whose streams arrive in pieces that the test chooses. */
export interface PieceUpstream extends AsyncDisposable {
  readonly url: string;
  /**
   * Takes a stream into the programme.
   *
   * @param cuts offsets at which the stream is cut into network chunks; those beyond its end count nothing
   * @returns what the request must send as `x-case`
   */
  add(stream: ScriptedStream, cuts: readonly number[]): string;
}

interface Case {
  readonly stream: ScriptedStream;
  readonly cuts: readonly number[];
}

/** Every piece is one frame of a chunked body and one write, so that it arrives as one chunk whatever TCP makes of it. */
export async function startPieceUpstream(): Promise<PieceUpstream> {
  const cases = new Map<string, Case>();
  const upstream = await startSocketUpstream(async (call) => {
    const found = cases.get(call.header('x-case') ?? '');
    if (found === undefined) throw new Error('no such case');
    const isAsked = call.body.includes('"include_usage":true');
    await call.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const piece of piecesOf(isAsked ? found.stream.asked : found.stream.unasked, found.cuts)) {
      await call.writeChunk(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await call.write(LAST_CHUNK);
  });
  return {
    url: upstream.url,
    add: (stream, cuts) => {
      const id = String(cases.size);
      cases.set(id, { stream, cuts });
      return id;
    },
    [Symbol.asyncDispose]: () => upstream.close(),
  };
}

function piecesOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const within = cuts.filter((cut) => cut > 0 && cut < bytes.length);
  const edges = [...new Set([0, ...within, bytes.length])].sort((one, other) => one - other);
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
}
