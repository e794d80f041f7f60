import { Readable } from 'node:stream';
import { MetertapError } from '../core/errors.ts';
import { codingsOf, DecodingError, decodeBody } from '../streaming/body-decoder.ts';
import type { ClientRequest } from './client-request.ts';

/**
 * Reads a request's body whole, within a bound.
 *
 * @param limitBytes bound of the bytes on the wire and of what they decode to
 * @throws MetertapError `body_too_large`; `malformed_request` where the client stopped sending
 */
export async function readBody(request: ClientRequest, limitBytes: number): Promise<Buffer> {
  return wholeBody(request, limitBytes) ?? restOfBody(request, limitBytes);
}

/**
 * The body where it has come whole already; null where `readBody` must wait for it.
 *
 * @throws MetertapError `body_too_large`
 */
export function wholeBody(request: ClientRequest, limitBytes: number): Buffer | null {
  const announced = contentLengthOf(request);
  if (announced !== null && announced > limitBytes) throw tooLarge(limitBytes);
  return request.takeWhole?.() ?? null;
}

function restOfBody(request: ClientRequest, limitBytes: number): Promise<Buffer> {
  if (request.destroyed && !request.complete) return Promise.reject(stoppedSending()); // its close has gone by
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= limitBytes) parts.push(chunk);
      else reject(tooLarge(limitBytes)); // what still comes is thrown away, so that the client can read the answer
    });
    request.on('end', () => {
      const first = parts[0];
      if (parts.length === 1 && first) return resolve(first);
      const body = Buffer.concat(parts);
      for (const part of parts) request.giveBack?.(part);
      resolve(body);
    });
    request.on('error', () => reject(stoppedSending()));
    request.on('close', () => {
      if (!request.complete) reject(stoppedSending());
    });
  });
}

/**
 * Undoes the content codings of a request's body (wire.md 7, "Request compression").
 *
 * @throws MetertapError `unsupported_encoding`, `body_too_large`, `malformed_body`
 */
export async function decodeRequestBody(body: Buffer, request: ClientRequest, limitBytes: number): Promise<Buffer> {
  try {
    return await decodeBody(body, codingsOf(request.headers['content-encoding']), limitBytes);
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error;
    if (error.reason === 'too_large') throw tooLarge(limitBytes);
    if (error.reason === 'unknown_coding') {
      const message = `Metertap cannot read this request body: ${error.message}. Use gzip, deflate, br, zstd or none.`;
      throw new MetertapError('unsupported_encoding', message);
    }
    throw new MetertapError('malformed_body', 'The request body does not decode with its content-encoding.');
  }
}

/**
 * The request's body as a stream for the upstream. It takes from the client only as fast as the upstream reads, and an
 * upstream that fails does not take the client's connection with it.
 *
 * @param ahead what has been read of the body already, already observed
 * @param observe sees every further chunk on its way
 */
export function streamBody(
  request: ClientRequest,
  ahead: readonly Buffer[],
  observe: (chunk: Buffer) => void,
): Readable {
  let attached = false;
  return new Readable({
    read() {
      if (!attached) {
        attached = true;
        if (request.destroyed && !request.complete) {
          this.destroy(stoppedSending()); // its close has gone by
          return;
        }
        for (const chunk of ahead) this.push(chunk);
        if (request.readableEnded) {
          this.push(null);
          return;
        }
        request.on('data', (chunk: Buffer) => {
          if (this.destroyed) return;
          observe(chunk);
          if (!this.push(chunk)) request.pause();
        });
        request.on('end', () => this.push(null));
        request.on('close', () => {
          if (!request.complete) this.destroy(stoppedSending());
        });
      }
      request.resume();
    },
    destroy(error, done) {
      // What the client still sends is thrown away, so that it can read the answer it gets instead.
      request.resume();
      done(error);
    },
  });
}

/** The announced length in bytes; null where the body is chunked or there is none. */
export function contentLengthOf(request: ClientRequest): number | null {
  const length = request.headers['content-length'];
  return length === undefined ? null : Number(length);
}

/** Whether a request has a body at all (RFC 9112 6.3). */
export function hasBody(request: ClientRequest): boolean {
  return request.headers['transfer-encoding'] !== undefined || (contentLengthOf(request) ?? 0) > 0;
}

function tooLarge(limitBytes: number): MetertapError {
  const limitMb = Math.floor(limitBytes / 1_048_576);
  return new MetertapError(
    'body_too_large',
    `The request body is larger than ${limitMb} MiB. Send less, or raise listen.body_limit_mb.`,
  );
}

function stoppedSending(): MetertapError {
  return new MetertapError('malformed_request', 'The request ended before its body was complete.');
}
