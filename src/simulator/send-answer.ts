import type { ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import {
  brotliCompressSync,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import type { Answer, StreamAnswer, WholeAnswer } from './answer.ts';
import type { Cut, Steering } from './steering.ts';

/** Text is put together to slabs of about this many characters before it is written. */
const SLAB_LENGTH = 64 * 1024;

const ENCODERS = new Map<string, { readonly whole: (bytes: Buffer) => Buffer; readonly stream: () => Transform }>([
  ['gzip', { whole: (bytes) => gzipSync(bytes), stream: () => createGzip() }],
  ['br', { whole: (bytes) => brotliCompressSync(bytes), stream: () => createBrotliCompress() }],
  ['zstd', { whole: (bytes) => zstdCompressSync(bytes), stream: () => createZstdCompress() }],
]);

/** Headers that OpenAI sends with every answer, for proxies to pass on. */
const STANDING_HEADERS: Readonly<Record<string, string>> = {
  'openai-organization': 'org-simulator',
  'openai-processing-ms': '1',
  'openai-version': '2020-10-01',
  'x-ratelimit-limit-requests': '10000',
  'x-ratelimit-limit-tokens': '2000000',
  'x-ratelimit-remaining-requests': '9999',
  'x-ratelimit-remaining-tokens': '1999000',
  'x-ratelimit-reset-requests': '6ms',
  'x-ratelimit-reset-tokens': '30ms',
};

/**
 * Writes an answer as the request's headers steer it: compressed, paced, cut off. Never throws; a client that leaves
 * ends it.
 */
export function sendAnswer(
  response: ServerResponse,
  answer: Answer,
  sending: { steering: Steering; requestId: string },
): void {
  const { steering, requestId } = sending;
  const cut = steering.cutAfter;
  if (cut?.at === 'before_headers') {
    response.destroy();
    return;
  }
  const headers = { ...STANDING_HEADERS, 'x-request-id': requestId };
  if (answer.kind === 'whole') sendWhole(response, answer, { steering, headers });
  else sendStream(response, answer, { steering, headers });
}

interface Sending {
  readonly steering: Steering;
  readonly headers: Readonly<Record<string, string>>;
}

function sendWhole(response: ServerResponse, answer: WholeAnswer, { steering, headers }: Sending): void {
  const plain = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  const encoder = steering.encoding === null ? undefined : ENCODERS.get(steering.encoding);
  const body = encoder === undefined ? plain : encoder.whole(plain);
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': body.length,
    ...encodingHeader(steering),
    ...headers,
    ...answer.headers,
  });
  if (steering.cutAfter === null) {
    response.end(body);
    return;
  }
  if (steering.cutAfter.at === 'event') response.write(body.subarray(0, body.length >> 1));
  else response.flushHeaders();
  response.socket?.destroySoon();
}

function sendStream(response: ServerResponse, answer: StreamAnswer, { steering, headers }: Sending): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...encodingHeader(steering),
    ...headers,
  });
  const cut = steering.cutAfter;
  if (cut?.at === 'after_headers') {
    response.flushHeaders();
    response.socket?.destroySoon();
    return;
  }
  const sink = openSink(response, steering.encoding);
  const events = guarded(cut?.at === 'event' ? upTo(answer.events, cut) : toEnd(answer.events));
  if (steering.intervalMs) pace(events, sink, steering.intervalMs);
  else pour(events, sink);
}

function encodingHeader(steering: Steering): Record<string, string> {
  return steering.encoding === null ? {} : { 'content-encoding': steering.encoding };
}

type Ending = 'whole' | 'cut';
type Events = Generator<string, Ending, undefined>;

/** An event that cannot be made (a text too long for a string) cuts the stream, not the simulator. */
function* guarded(events: Events): Events {
  try {
    return yield* events;
  } catch {
    return 'cut';
  }
}

function* toEnd(events: Iterable<string>): Events {
  yield* events;
  return 'whole';
}

/** The first events, and where asked for half of the bytes of the next. A stream that ends before is whole. */
function* upTo(events: Iterable<string>, cut: Extract<Cut, { at: 'event' }>): Events {
  let sent = 0;
  for (const event of events) {
    if (sent === cut.events) {
      if (cut.middle) yield event.slice(0, event.length >> 1);
      return 'cut';
    }
    yield event;
    sent++;
  }
  return 'whole';
}

/** Where events go: the response, with a compressor before it or not. */
interface Sink {
  /** False when the receiver is slow: go on when `onDrain` calls. */
  write(text: string): boolean;
  onDrain(proceed: () => void): void;
  onClose(stop: () => void): void;
  finish(ending: Ending, text: string): void;
  isClosed(): boolean;
}

function openSink(response: ServerResponse, encoding: string | null): Sink {
  const encoder = encoding === null ? undefined : ENCODERS.get(encoding)?.stream();
  const common = {
    onClose: (stop: () => void) => void response.once('close', stop),
    isClosed: () => response.destroyed,
  };
  if (encoder === undefined) {
    return {
      ...common,
      write: (text) => response.write(text),
      onDrain: (proceed) => void response.once('drain', proceed),
      finish: (ending, text) => {
        if (ending === 'whole') {
          response.end(text);
          return;
        }
        if (text !== '') response.write(text);
        response.socket?.destroySoon();
      },
    };
  }
  encoder.on('data', (bytes: Buffer) => response.write(bytes));
  encoder.on('end', () => response.end());
  response.once('close', () => encoder.destroy());
  return {
    ...common,
    write: (text) => {
      const proceed = encoder.write(text);
      flush(encoder);
      return proceed;
    },
    onDrain: (proceed) => void encoder.once('drain', proceed),
    finish: (ending, text) => {
      if (ending === 'whole') {
        encoder.end(text);
        return;
      }
      if (text !== '') encoder.write(text);
      flush(encoder, () => setImmediate(() => response.socket?.destroySoon()));
    },
  };
}

/** Asks a compressor for the bytes of all that it was given; every one of node:zlib has `flush`. */
function flush(encoder: Transform, then: () => void = () => undefined): void {
  if ('flush' in encoder && typeof encoder.flush === 'function') encoder.flush(then);
}

/** Writes all events as fast as the receiver takes them. */
function pour(events: Events, sink: Sink): void {
  let slab = '';
  for (;;) {
    const next = events.next();
    if (next.done === true) {
      sink.finish(next.value, slab);
      return;
    }
    slab += next.value;
    if (slab.length < SLAB_LENGTH) continue;
    const proceed = sink.write(slab);
    slab = '';
    if (sink.isClosed()) return;
    if (!proceed) {
      sink.onDrain(() => pour(events, sink));
      return;
    }
  }
}

/** Writes one event at once and one every interval; a tick on which the receiver is behind is left out. */
function pace(events: Events, sink: Sink, intervalMs: number): void {
  let next = events.next();
  let isBehind = false;
  const timer = setInterval(advance, intervalMs);
  sink.onClose(() => clearInterval(timer));
  advance();

  function advance(): void {
    if (isBehind) return;
    if (next.done === true) {
      clearInterval(timer);
      sink.finish(next.value, '');
      return;
    }
    if (!sink.write(next.value)) {
      isBehind = true;
      sink.onDrain(() => {
        isBehind = false;
      });
    }
    next = events.next();
    if (next.done === true) advance();
  }
}
