import type { FastifyInstance } from 'fastify';
import { MetertapError } from '../core/errors.ts';

/** Bodies of management requests are a few settings; the limit is far above any of them. */
const BODY_LIMIT_BYTES = 262_144;

/**
 * Reads bodies of this scope as JSON, whatever content type they come under, since `curl -d` names a form. It replaces
 * Fastify's parser so that a malformed body is told in our words.
 */
export function acceptJsonBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  const options = { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES } as const;
  scope.addContentTypeParser('*', options, async (_request: unknown, body: string) => parseJson(body));
}

/** A blank body is none. */
function parseJson(body: string): unknown {
  if (body.trim() === '') return undefined;
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new MetertapError('malformed_body', 'The body is not valid JSON.', { cause });
  }
}

/** Codes of Fastify's own refusals that our table has a word for. */
const FASTIFY_CODES: ReadonlyMap<unknown, () => MetertapError> = new Map([
  [
    'FST_ERR_CTP_BODY_TOO_LARGE',
    () => new MetertapError('body_too_large', `The body is larger than ${BODY_LIMIT_BYTES} bytes.`),
  ],
  [
    'FST_ERR_CTP_INVALID_CONTENT_LENGTH',
    () => new MetertapError('malformed_request', 'The body is not as long as content-length says.'),
  ],
  [
    'FST_ERR_CTP_INVALID_MEDIA_TYPE',
    () => new MetertapError('malformed_request', 'The content-type cannot be read. Send application/json.'),
  ],
]);

/** Says in our table's words what Fastify refuses; every other error is given on as it is. */
export function managementError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  return FASTIFY_CODES.get(error.code)?.() ?? error;
}
