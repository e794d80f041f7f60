import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';

/** The content codings with their encoders. */
export const ENCODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  'x-gzip': (bytes) => gzipSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};

/** Applies the codings in the order of a `content-encoding` header. */
export function encode(bytes: Buffer, codings: readonly string[]): Buffer {
  return codings.reduce((coded, coding) => ENCODERS[coding]?.(coded) ?? coded, bytes);
}
