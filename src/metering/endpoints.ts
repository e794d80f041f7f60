/**
 * The one table of every `/v1/*` path (contract.md, "The proxied API"; wire.md 1.2 and 1.4): metered, free, unmetered,
 * or Metertap's own. Creates are metered; whatever shows the usage of a create again is free.
 */
export interface Endpoint {
  /** The path as a template (`chat/completions/{id}`), else `other`: a bounded set, fit for a metric label. */
  readonly name: string;
  /**
   * `metered`: usage is read and recorded. `free`: it repeats usage or has none. `unmetered`: a write that this table
   * does not know. `own`: answered by Metertap, never forwarded.
   */
  readonly kind: EndpointKind;
  /** What the request body is by the API's definition; `any` where both are in use and its `content-type` decides. */
  readonly body: EndpointBody;
  /** Whether a stream gives its usage only to those who set `stream_options.include_usage` (wire.md 0.7). */
  readonly asksForStreamUsage: boolean;
  /** Whether the answer is a Responses object or a stream of its events. */
  readonly isResponses: boolean;
}

export type EndpointKind = 'metered' | 'free' | 'unmetered' | 'own';
export type EndpointBody = 'json' | 'multipart' | 'any';

interface Row {
  /** What a POST is; reads and deletes are free everywhere. */
  readonly post: EndpointKind;
  readonly body?: EndpointBody;
  readonly asksForStreamUsage?: true;
  readonly isResponses?: true;
}

/** `{id}` stands for one segment. Rows are looked up by the whole path, never by a prefix of it. */
const ROWS: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['chat/completions', { post: 'metered', asksForStreamUsage: true }],
  ['chat/completions/{id}', { post: 'free' }], // updates the metadata of a stored completion, and gives its usage again
  ['chat/completions/{id}/messages', { post: 'unmetered' }],
  ['completions', { post: 'metered', asksForStreamUsage: true }],
  ['responses', { post: 'metered', isResponses: true }],
  ['responses/compact', { post: 'metered', isResponses: true }],
  ['responses/input_tokens', { post: 'free' }], // a count, not a usage
  ['responses/{id}', { post: 'unmetered', isResponses: true }],
  ['responses/{id}/cancel', { post: 'free', isResponses: true }],
  ['responses/{id}/input_items', { post: 'unmetered' }],
  ['embeddings', { post: 'metered' }],
  ['decisions', { post: 'metered' }],
  ['images/generations', { post: 'metered' }],
  ['images/edits', { post: 'metered', body: 'any' }], // OpenAI takes a form, xAI takes JSON
  ['images/variations', { post: 'free', body: 'multipart' }],
  ['audio/transcriptions', { post: 'metered', body: 'multipart' }],
  ['audio/translations', { post: 'metered', body: 'multipart' }],
  ['audio/speech', { post: 'metered' }],
  ['models', { post: 'unmetered' }],
  ['models/{id}', { post: 'unmetered' }],
  ['moderations', { post: 'free' }],
  ['realtime/client_secrets', { post: 'free' }],
  ['realtime/sessions', { post: 'free' }],
  ['realtime/transcription_sessions', { post: 'free' }],
]);

/**
 * Collections that are free with all that lies below them (wire.md 1.2: storage, settings, or usage that polls repeat
 * and that is settled elsewhere). Below the root their name is `<family>/*`.
 */
const FREE_FAMILIES: ReadonlySet<string> = new Set([
  'assistants',
  'batches',
  'containers',
  'conversations',
  'evals',
  'files',
  'fine_tuning',
  'skills',
  'threads',
  'uploads',
  'vector_stores',
  'videos',
]);

const OWN_FAMILY = 'organization';
const READS_AND_DELETES: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);
const OTHER = 'other';

/**
 * Segments that an upstream could read as another path (`..`, `%2e%2e`, `%2F`, an empty one) match no row: else
 * `files/../chat/completions` would pass for a free file upload.
 */
const PLAIN_SEGMENT = /^(?!\.{1,2}$)[\w~:@!$&'()*+,;=.-]+$/;

/**
 * Says what a call is.
 *
 * @param method the HTTP method, upper case
 * @param path what follows `/v1/`, without a leading slash and without the query
 */
export function classifyEndpoint(method: string, path: string): Endpoint {
  const exact = path.includes('{') ? undefined : ROWS.get(path);
  if (exact !== undefined) return endpointOf(path, kindOf(method, exact.post), exact);
  const segments = path.split('/');
  const family = segments[0] ?? '';
  const isPlain = segments.every((segment) => PLAIN_SEGMENT.test(segment));
  if (family === OWN_FAMILY || (!isPlain && resolvesToOwn(path))) return endpointOf(OWN_FAMILY, 'own', undefined);
  const name = isPlain ? nameOf(path, segments) : OTHER;
  const row = ROWS.get(name);
  if (row) return endpointOf(name, kindOf(method, row.post), row);
  if (isPlain && FREE_FAMILIES.has(family)) {
    return endpointOf(segments.length === 1 ? family : `${family}/*`, kindOf(method, 'free'), undefined);
  }
  return endpointOf(OTHER, kindOf(method, 'unmetered'), undefined);
}

/** Every name that {@link classifyEndpoint} can give: the values of the metric label. */
export function endpointNames(): readonly string[] {
  const families = [...FREE_FAMILIES].flatMap((family) => [family, `${family}/*`]);
  return [...ROWS.keys(), ...families, OWN_FAMILY, OTHER];
}

/** Whether an upstream that decodes and tidies the path (`x/../organization`, `%6Frganization`) would be at our own. */
function resolvesToOwn(path: string): boolean {
  try {
    const tidy = decodeURIComponent(path).replace(/[\\/]+/g, '/');
    return new URL(`http://localhost/v1/${tidy.replace(/^\//, '')}`).pathname.split('/')[2] === OWN_FAMILY;
  } catch {
    return false; // no percent encoding that anyone could decode
  }
}

/** A path that is a row is its own name; else the row it fits with `{id}` in its second or third place. */
function nameOf(path: string, segments: readonly string[]): string {
  if (ROWS.has(path)) return path;
  for (const place of ID_PLACES) {
    if (segments[place] === undefined) continue;
    const template = segments.with(place, '{id}').join('/');
    if (ROWS.has(template)) return template;
  }
  return OTHER;
}

/** Where the rows have their `{id}`: `responses/{id}`, `chat/completions/{id}`. */
const ID_PLACES = [1, 2] as const;

function kindOf(method: string, write: EndpointKind): EndpointKind {
  if (READS_AND_DELETES.has(method)) return 'free';
  if (method === 'POST' || write !== 'metered') return write;
  return 'unmetered';
}

function endpointOf(name: string, kind: EndpointKind, row: Row | undefined): Endpoint {
  return {
    name,
    kind,
    body: row === undefined ? 'any' : (row.body ?? 'json'),
    asksForStreamUsage: kind === 'metered' && row?.asksForStreamUsage === true,
    isResponses: row?.isResponses === true,
  };
}
