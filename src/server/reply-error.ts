import type { ServerResponse } from 'node:http';
import { errorEnvelope, MetertapError } from '../core/errors.ts';
import { isUsableId } from '../core/ids.ts';

/** What an error answer names beside the error itself. */
export interface AnswerIds {
  readonly requestId: string;
  readonly runId?: string | null;
}

/** Turns whatever was thrown into an error that a client may see: unlisted ones become a fixed sentence with the id. */
export function visibleError(error: unknown, requestId: string): MetertapError {
  if (error instanceof MetertapError) return error;
  const message = `Metertap failed to handle this request. Its log names the cause under the id ${requestId}.`;
  return new MetertapError('internal_error', message, { cause: error });
}

/** The headers of an error answer (contract.md, "Errors of our own"; wire.md 6.3). */
export function errorHeaders(error: MetertapError, ids: AnswerIds): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'x-metertap-request-id': ids.requestId,
    ...error.headers,
  };
  // The run id of a refused path may be anything; only a usable one can be a header at all.
  if (ids.runId && isUsableId(ids.runId)) headers['x-metertap-run-id'] = headerText(ids.runId);
  if (!error.kind.heals) headers['x-should-retry'] = 'false';
  if (error.retryAfterMs !== null) {
    headers['retry-after-ms'] = String(Math.ceil(error.retryAfterMs));
    headers['retry-after'] = String(Math.ceil(error.retryAfterMs / 1000));
  }
  return headers;
}

/** Writes an error as the whole answer. Does nothing where an answer has begun or the client is gone. */
export function writeError(response: ServerResponse, error: MetertapError, ids: AnswerIds): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(JSON.stringify(errorEnvelope(error)));
  response.writeHead(error.kind.status, { ...errorHeaders(error, ids), 'content-length': String(body.length) });
  response.end(body);
  // The rest of a body that was refused is read and thrown away, so that a client that sends all of it before it reads
  // comes to read this answer, and its next request on the connection is seen. Who read it so far would pause it again.
  response.req.removeAllListeners('data');
  response.req.resume();
}

const NOT_ASCII = /\P{ASCII}/u;

/** A text as a header value: Node takes latin1 only, so further characters go as their UTF-8 bytes. */
export function headerText(text: string): string {
  return NOT_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/**
 * Sends a head that has been written, so that a client sees it before the body. Not by `flushHeaders`, which writes
 * bytes beyond ASCII in header values as UTF-8 once more; beside a body of bytes Node writes them as they are.
 */
export function flushHead(response: ServerResponse): void {
  response.write(NO_BYTES);
}

const NO_BYTES = Buffer.alloc(0);
