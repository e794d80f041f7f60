import type { Readable } from 'node:stream';
import type { BodyCarriers } from '../attribution/attribution.ts';
import { readBodyCarriers } from '../attribution/body-carriers.ts';
import { MetertapError } from '../core/errors.ts';
import { countsInput, unitsAsked } from '../metering/units.ts';
import { codingsOf } from '../streaming/body-decoder.ts';
import { contentLengthOf, decodeRequestBody, hasBody, readBody, streamBody, wholeBody } from './body-reader.ts';
import type { Exchange } from './exchange.ts';
import type { Skimmer } from './json-skim/json-skimmer.ts';
import { MultipartFields } from './multipart-fields.ts';
import { outputCeilingOf } from './output-ceiling.ts';
import { malformed, parseMembers, readMembers } from './request-members.ts';

/** What must be known of a request before it goes out, and the body to send. */
export interface CallRequest {
  readonly model: string | null;
  readonly stream: boolean;
  /** The parsed `stream_options`; undefined where the body has none. */
  readonly streamOptions: unknown;
  /** A Responses request that is to run in the background. */
  readonly background: boolean;
  /** The most output tokens that the request allows, all choices together; null where it names no ceiling. */
  readonly outputCeiling: number | null;
  readonly serviceTier: string | null;
  readonly carriers: BodyCarriers | null;
  /** Images or characters that are asked for; null at endpoints that count neither. */
  readonly units: number | null;
  /** Whole and decoded where it was read, a stream where it only passes by. */
  readonly body: Buffer | Readable | null;
  /** The body's `content-encoding` has been undone. */
  readonly decoded: boolean;
  /** The length to announce where the body is a stream and the client told it. */
  readonly contentLength: string | null;
}

/** How a request is read. */
export interface Reading {
  readonly bodyLimitBytes: number;
  readonly skimmer: Skimmer;
  /** The model must be known before the call goes out. */
  readonly needsModel: boolean;
}

/**
 * Reads of the request what the next stages need, without altering it.
 *
 * @throws MetertapError `malformed_body`, `body_too_large`, `unsupported_encoding`, `malformed_request`
 */
export function readRequest(exchange: Exchange, reading: Reading): CallRequest | Promise<CallRequest> {
  const { request, endpoint } = exchange;
  if (isMultipart(request.headers['content-type'])) return readMultipart(exchange, reading);
  if (endpoint.kind === 'metered') return readMeteredJson(exchange, reading);
  if (!hasBody(request)) return { ...NOTHING_READ, body: null };
  const readable =
    isJson(request.headers['content-type']) && codingsOf(request.headers['content-encoding']).length === 0;
  if (readable && (reading.needsModel || endpoint.kind === 'unmetered')) return readOtherJson(exchange, reading);
  return { ...NOTHING_READ, body: streamBody(request, [], () => undefined), contentLength: announcedLength(exchange) };
}

const NOTHING_READ = {
  model: null,
  stream: false,
  streamOptions: undefined,
  background: false,
  outputCeiling: null,
  serviceTier: null,
  carriers: null,
  units: null,
  decoded: false,
  contentLength: null,
} as const;

function readMeteredJson(exchange: Exchange, reading: Reading): CallRequest | Promise<CallRequest> {
  const { request } = exchange;
  const wire = wholeBody(request, reading.bodyLimitBytes);
  const isCoded = request.headers['content-encoding'] !== undefined;
  return wire === null || isCoded
    ? readLaterJson(exchange, wire, reading)
    : meteredJson(exchange, reading, { wire, body: wire });
}

/** Of a body that has not come whole, or is coded. */
async function readLaterJson(exchange: Exchange, whole: Buffer | null, reading: Reading): Promise<CallRequest> {
  const { request } = exchange;
  const wire = whole ?? (await readBody(request, reading.bodyLimitBytes));
  const isCoded = request.headers['content-encoding'] !== undefined;
  const body = isCoded ? await decodeRequestBody(wire, request, reading.bodyLimitBytes) : wire;
  return meteredJson(exchange, reading, { wire, body });
}

function meteredJson(
  exchange: Exchange,
  { skimmer }: Reading,
  { wire, body }: { readonly wire: Buffer; readonly body: Buffer },
): CallRequest {
  const { request, endpoint } = exchange;
  const parsed = countsInput(endpoint.name) ? parseMembers(body) : readMembers(body, skimmer);
  if (parsed === null) {
    // Only what says that it is JSON, or says nothing, is held to it; another type is the upstream's to judge.
    if (isOtherType(request.headers['content-type'])) return { ...NOTHING_READ, body: wire };
    throw malformed(body);
  }
  return {
    model: optionalMember(parsed, 'model', 'string') ?? null,
    stream: optionalMember(parsed, 'stream', 'boolean') ?? false,
    streamOptions: parsed['stream_options'],
    background: parsed['background'] === true,
    outputCeiling: outputCeilingOf(parsed),
    serviceTier: typeof parsed['service_tier'] === 'string' ? parsed['service_tier'] : null,
    carriers: readBodyCarriers(parsed),
    units: unitsAsked(endpoint.name, parsed),
    body,
    decoded: body !== wire,
    contentLength: null,
  };
}

async function readOtherJson(exchange: Exchange, reading: Reading): Promise<CallRequest> {
  const body = await readBody(exchange.request, reading.bodyLimitBytes);
  const parsed = parseMembers(body);
  const model = parsed === null ? undefined : parsed['model'];
  return { ...NOTHING_READ, model: typeof model === 'string' && model !== '' ? model : null, body };
}

interface MemberTypes {
  readonly string: string;
  readonly boolean: boolean;
}

function optionalMember<T extends keyof MemberTypes>(
  body: Readonly<Record<string, unknown>>,
  name: string,
  type: T,
): MemberTypes[T] | null {
  const value = body[name];
  if (value === undefined || value === null || value === '') return null;
  if (isOfType(value, type)) return value;
  const given = Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
  throw new MetertapError('malformed_body', `'${name}' must be a ${type}, but the request gives ${given}.`, {
    param: name,
  });
}

function isOfType<T extends keyof MemberTypes>(value: unknown, type: T): value is MemberTypes[T] {
  return typeof value === type;
}

async function readMultipart(exchange: Exchange, reading: Reading): Promise<CallRequest> {
  const { request } = exchange;
  const fields = new MultipartFields(request);
  const ahead = reading.needsModel ? await readAhead(exchange, fields, reading.bodyLimitBytes) : [];
  const body = streamBody(request, ahead, (chunk) => fields.push(chunk));
  const rest = {
    streamOptions: undefined,
    background: false,
    outputCeiling: null,
    serviceTier: null,
    carriers: null,
    decoded: false,
  };
  return {
    ...rest,
    // Read on the way: known once the field has gone by, which may be after the call went out.
    get model() {
      return fields.model;
    },
    get stream() {
      return fields.stream;
    },
    get units() {
      return unitsAsked(exchange.endpoint.name, { n: fields.count });
    },
    body,
    contentLength: announcedLength(exchange),
  };
}

/** Reads until the model is known, so that an upstream can be chosen by it. At most `limitBytes` are kept. */
function readAhead(exchange: Exchange, fields: MultipartFields, limitBytes: number): Promise<Buffer[]> {
  const { request } = exchange;
  return new Promise((resolve, reject) => {
    const read: Buffer[] = [];
    let bytes = 0;
    const stop = () => {
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('close', onClose);
      request.pause();
      resolve(read);
    };
    // Of what lies behind a file the parser tells some ticks later.
    const onEnd = () => setImmediate(stop);
    const onClose = () => {
      if (!request.complete) reject(new MetertapError('malformed_request', 'The request ended before its body did.'));
    };
    const onData = (chunk: Buffer) => {
      read.push(chunk);
      bytes += chunk.length;
      fields.push(chunk);
      if (fields.model !== null || fields.finished) stop();
      else if (bytes > limitBytes) {
        request.pause();
        const message = 'The form has no model field within listen.body_limit_mb. Send the model before the file.';
        reject(new MetertapError('body_too_large', message, { param: 'model' }));
      }
    };
    request.on('data', onData);
    request.on('end', onEnd);
    request.on('close', onClose);
  });
}

/** As nearly all say it, so that no expression need look at it. */
const USUAL_TYPE = 'application/json';

function announcedLength(exchange: Exchange): string | null {
  const length = contentLengthOf(exchange.request);
  return length === null ? null : String(length);
}

function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^\s*application\/(json|[\w.+-]*\+json)\s*(;|$)/i.test(contentType);
}

function isOtherType(contentType: string | undefined): boolean {
  return contentType !== undefined && contentType.trim() !== '' && !isJson(contentType);
}

function isMultipart(contentType: string | undefined): boolean {
  return contentType !== undefined && contentType !== USUAL_TYPE && /^\s*multipart\//i.test(contentType);
}
