import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

/** The content codings that can be read (RFC 9110 8.4.1, RFC 8878), each with its decoder. */
const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/** The codings of a `content-encoding` header, in the order in which they were applied; `identity` is left out. */
export function codingsOf(contentEncoding: string | undefined): string[] {
  if (contentEncoding === undefined) return [];
  return contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
}

/** Whether all of these codings can be undone. */
export function canDecode(codings: readonly string[]): boolean {
  return codings.every((coding) => Object.hasOwn(DECODERS, coding));
}

export class DecodingError extends Error {
  override readonly name = 'DecodingError';
  readonly reason: 'unknown_coding' | 'too_large' | 'corrupt';

  constructor(reason: DecodingError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * A decoder that is fed chunks and calls back with what they decode to, within a bound, so that a small body cannot
 * unpack into a large one (wire.md 7, "Request compression").
 */
export class BodyDecoder {
  readonly #stages: Transform[];
  readonly #done = Promise.withResolvers<void>();
  #decodedBytes = 0;

  /**
   * @param codings as `codingsOf` gives them
   * @throws DecodingError `unknown_coding`
   */
  constructor(codings: readonly string[], options: { maxDecodedBytes: number; onData: (chunk: Buffer) => void }) {
    this.#stages = codings.toReversed().map((coding) => {
      const create = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
      if (create === undefined) throw new DecodingError('unknown_coding', `unknown content-encoding '${coding}'`);
      return create();
    });
    for (const [index, stage] of this.#stages.entries()) {
      stage.on('error', (error) => this.#fail(new DecodingError('corrupt', error.message)));
      const next = this.#stages[index + 1];
      if (next) stage.pipe(next);
    }
    const last = this.#stages.at(-1);
    last?.on('data', (chunk: Buffer) => {
      this.#decodedBytes += chunk.length;
      if (this.#decodedBytes > options.maxDecodedBytes) {
        this.#fail(new DecodingError('too_large', `decodes to more than ${options.maxDecodedBytes} bytes`));
        return;
      }
      options.onData(chunk);
    });
    last?.on('end', () => this.#done.resolve());
    this.#done.promise.catch(() => undefined);
  }

  /** Resolves when everything has been decoded after the end; rejects with a DecodingError as soon as it cannot be. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  push(chunk: Buffer): void {
    this.#stages[0]?.write(chunk);
  }

  /** No more bytes will come. Gives `done`. */
  end(): Promise<void> {
    this.#stages[0]?.end();
    return this.#done.promise;
  }

  /** Tells nothing more, and decodes little more, until `resume`. */
  pause(): void {
    this.#stages.at(-1)?.pause();
  }

  resume(): void {
    this.#stages.at(-1)?.resume();
  }

  /** Gives up: nothing more will be told. */
  destroy(): void {
    for (const stage of this.#stages) stage.destroy();
  }

  #fail(error: DecodingError): void {
    this.destroy();
    this.#done.reject(error);
  }
}

/** Decodes a whole body. Gives it unchanged where there are no codings. Rejects with a DecodingError. */
export async function decodeBody(body: Buffer, codings: readonly string[], maxDecodedBytes: number): Promise<Buffer> {
  if (codings.length === 0) return body;
  const parts: Buffer[] = [];
  const decoder = new BodyDecoder(codings, { maxDecodedBytes, onData: (chunk) => parts.push(chunk) });
  decoder.push(body);
  await decoder.end();
  return Buffer.concat(parts);
}
