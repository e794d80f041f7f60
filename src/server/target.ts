import { MetertapError } from '../core/errors.ts';

/** Where a proxied request points. */
export interface Target {
  /** Below `/v1/`, decoded, for the table of endpoints: `chat/completions`. */
  readonly path: string;
  /** Below `/v1` with the query, as the client wrote it: `/chat/completions?x=1`. */
  readonly target: string;
  readonly pathRunId: string | null;
}

const PLAIN_PREFIX = '/v1/';
const RUN_PREFIX = '/run/';
/** What stands before the path where a client takes Metertap for its HTTP proxy. Whose name it is says nothing here. */
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;
/** Segments that mean what they say, as those of nearly all calls do. */
const PLAIN_TARGET = /^(?:\/[\w-]+)+$/;

/**
 * Reads the URL of a proxied request: `/v1/…` or `/run/{run_id}/v1/…`, also in absolute form (RFC 9112, 3.2.2). What goes
 * upstream is the client's own spelling of the path; for the table of endpoints it is decoded, so that no spelling of a
 * metered path passes as an unknown one.
 *
 * @throws MetertapError `unknown_url` for a path that would leave the upstream's base URL, `invalid_attribution` for a
 *   run id that cannot be decoded
 */
export function readTarget(url: string): Target {
  return url.startsWith('/') ? readPath(url) : readPath(url.replace(ABSOLUTE_FORM, ''));
}

function readPath(url: string): Target {
  if (url.startsWith(PLAIN_PREFIX)) return targetOf(url.slice(PLAIN_PREFIX.length - 1), null);
  const runEnd = url.indexOf('/', RUN_PREFIX.length);
  const runId = decodeSegment(url.slice(RUN_PREFIX.length, runEnd));
  if (runId === null) {
    const message = 'The run id in the path cannot be percent-decoded. Encode it as encodeURIComponent does.';
    throw new MetertapError('invalid_attribution', message, { param: 'run_id' });
  }
  return targetOf(url.slice(runEnd + PLAIN_PREFIX.length - 1), runId);
}

function targetOf(target: string, pathRunId: string | null): Target {
  if (PLAIN_TARGET.test(target)) return { path: target.slice(1), target, pathRunId };
  // A fragment has no place in a request, but servers that meet one drop it, as they do the query.
  const pathEnd = target.search(/[?#]/);
  const rawPath = pathEnd < 0 ? target : target.slice(0, pathEnd);
  const segments = rawPath.split('/').map((segment) => decodeSegment(segment) ?? segment);
  const path = segments
    .flatMap((segment) => segment.split('/'))
    .filter((segment) => segment !== '')
    .join('/');
  if (path.split('/').some((segment) => segment === '.' || segment === '..' || segment.includes('\\'))) {
    throw new MetertapError(
      'unknown_url',
      'The path has a segment that would leave /v1/. Send it without "." and "..".',
    );
  }
  return { path, target, pathRunId };
}

function decodeSegment(segment: string): string | null {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
