import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AnswerHeaders, pairsOf } from '../../../src/server/answer-headers.ts';
import { asksForWebSocket, headersForUpstream } from '../../../src/server/headers.ts';
import { HeaderBlockReader } from '../../../src/server/http1/header-block.ts';
import { createUpstreams, type UpstreamSettings } from '../../../src/server/upstreams.ts';

const SETTINGS: UpstreamSettings = {
  name: 'openai',
  baseUrl: 'http://upstream.test/v1',
  apiKey: 'sk-upstream',
  models: ['*'],
  streamUsage: 'auto',
  continuousUsage: false,
  connectMs: 1000,
  firstByteMs: 1000,
  idleMs: 1000,
  maxConnections: null,
  forwardTraceHeaders: false,
  headers: {},
};

function forUpstream(rawHeaders: readonly string[], options: Partial<Options> = {}): string[] {
  const upstream = createUpstreams([{ ...SETTINGS, ...options.settings }]).choose(null);
  if (upstream === null) throw new Error('no upstream');
  return headersForUpstream(requestWith(rawHeaders), {
    upstream,
    replaceCredential: options.replaceCredential ?? false,
    dropContentEncoding: options.dropContentEncoding ?? false,
    plainAnswer: options.plainAnswer ?? false,
    contentLength: options.contentLength ?? null,
  });
}

/** As Node's own parser makes it: it hands the raw headers over, and the request parses them when it is asked. */
function requestWith(rawHeaders: readonly string[]): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  const handOver: unknown = Reflect.get(request, '_addHeaderLines');
  if (typeof handOver !== 'function') throw new Error('Node no longer hands headers over in this way');
  Reflect.apply(handOver, request, [[...rawHeaders], rawHeaders.length]);
  return request;
}

interface Options {
  readonly settings: Partial<UpstreamSettings>;
  readonly replaceCredential: boolean;
  readonly dropContentEncoding: boolean;
  readonly plainAnswer: boolean;
  readonly contentLength: string | null;
}

function forClient(pairs: readonly string[], without: readonly string[] = []): string[] {
  return pairsOf(answerHeaders(pairs).forClient(without));
}

/** As they are read off the wire. */
function answerHeaders(pairs: readonly string[]): AnswerHeaders {
  const lines: string[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) lines.push(`${pairs[i]}: ${pairs[i + 1]}\r\n`);
  return new AnswerHeaders(new HeaderBlockReader().read(`${lines.join('')}\r\n`, 0));
}

const KEPT = [
  'Content-Type',
  'application/json',
  'X-Stainless-Lang',
  'js',
  'x-Twice',
  'a',
  'X-twice',
  'b',
  'User-Agent',
  'OpenAI/JS 7.57.0',
  'x-latin1',
  'Gr\u00fc\u00dfe',
  'x-empty',
  '',
];
const HOP_BY_HOP = [
  'Connection',
  'keep-alive, X-Hop',
  'Keep-Alive',
  'timeout=5',
  'Proxy-Authenticate',
  'Basic',
  'proxy-authorization',
  'Basic eA==',
  'Proxy-Connection',
  'keep-alive',
  'TE',
  'trailers',
  'Trailer',
  'x-checksum',
  'Transfer-Encoding',
  'chunked',
  'Upgrade',
  'h2c',
  'HTTP2-Settings',
  'AAMAAABkAAQAAP__',
  'x-hop',
  'only for this hop',
];

describe('headers to the upstream', () => {
  it('keep their order, their spelling, and each of several of one name', () => {
    expect(forUpstream(KEPT)).toEqual(KEPT);
  });

  it('lose what holds for one connection only, and what Connection names', () => {
    expect(forUpstream([...HOP_BY_HOP, ...KEPT])).toEqual(KEPT);
  });

  it('lose what each of several Connection headers names', () => {
    const headers = ['connection', 'x-a', 'x-a', '1', 'CONNECTION', 'close, X-B', 'x-b', '2', 'close', '3', 'x-c', '4'];
    expect(forUpstream(headers)).toEqual(['close', '3', 'x-c', '4']);
  });

  it('lose what the connection to the upstream sets itself', () => {
    expect(forUpstream(['Host', 'metertap', 'Content-Length', '7', 'Expect', '100-continue', ...KEPT])).toEqual(KEPT);
  });

  it('announce the length of a body that is streamed', () => {
    const headers = forUpstream(['Content-Length', '7', 'x-a', '1'], { contentLength: '7' });
    expect(headers).toEqual(['x-a', '1', 'content-length', '7']);
  });

  it('lose what is for gateways: ours, other gateways’, baggage', () => {
    const consumed = [
      'X-Metertap-Run-Id',
      'x-metertap-tags',
      'x-run-id',
      'x-parent-run-id',
      'baggage',
      'Helicone-Session-Id',
      'helicone-auth',
      'x-litellm-trace-id',
      'x-portkey-api-key',
      'cf-aig-metadata',
      'x-tfy-metadata',
    ];
    expect(forUpstream([...consumed.flatMap((name) => [name, 'x']), ...KEPT])).toEqual(KEPT);
  });

  it('keep the ids that clients send to their own vendor', () => {
    const vendor = ['session-id', 'x-session-id', 'x-codex-turn-metadata', 'OpenAI-Organization', 'openai-beta'];
    const headers = vendor.flatMap((name) => [name, 'x']);
    expect(forUpstream(headers)).toEqual(headers);
  });

  it('keep the trace only where that is set', () => {
    const trace = ['traceparent', '00-1-2-01', 'tracestate', 'a=b', 'Baggage', 'a=b'];
    expect(forUpstream([...trace, 'x-a', '1'])).toEqual(['x-a', '1']);
    expect(forUpstream([...trace, 'x-a', '1'], { settings: { forwardTraceHeaders: true } })).toEqual([
      ...trace,
      'x-a',
      '1',
    ]);
  });

  it('keep the client’s credential, whichever it is, where it is the upstream’s', () => {
    const headers = ['Authorization', 'Bearer sk-client', 'api-key', 'k', 'X-Api-Key', 'k'];
    expect(forUpstream(headers)).toEqual(headers);
  });

  it('have the upstream’s credential in the place of ours', () => {
    const headers = ['Authorization', 'Bearer mt_secret', 'API-Key', 'mt_secret', 'x-api-key', 'mt_secret', 'x-a', '1'];
    const sent = forUpstream(headers, { replaceCredential: true });
    expect(sent).toEqual(['x-a', '1', 'authorization', 'Bearer sk-upstream']);
    const without = forUpstream(headers, { replaceCredential: true, settings: { apiKey: null } });
    expect(without).toEqual(['x-a', '1']);
  });

  it('tell of a content coding only where it still holds', () => {
    const headers = ['Content-Encoding', 'gzip', 'Accept-Encoding', 'br'];
    expect(forUpstream(headers)).toEqual(headers);
    expect(forUpstream(headers, { dropContentEncoding: true })).toEqual(['Accept-Encoding', 'br']);
  });

  it('ask for an answer that is not compressed where it will be edited', () => {
    const headers = ['Accept-Encoding', 'gzip', 'accept-encoding', 'br', 'x-a', '1'];
    expect(forUpstream(headers, { plainAnswer: true })).toEqual(['x-a', '1', 'accept-encoding', 'identity']);
  });

  it('have those that are set for the upstream', () => {
    const settings = { headers: { 'x-team': 'research' } };
    expect(forUpstream(['x-a', '1'], { settings })).toEqual(['x-a', '1', 'x-team', 'research']);
  });

  it('have those that are set for the upstream in the place of the client’s', () => {
    const settings = { headers: { 'x-team': 'research', 'api-version': '2' } };
    expect(forUpstream(['X-Team', 'other', 'x-a', '1'], { settings })).toEqual([
      'x-a',
      '1',
      'x-team',
      'research',
      'api-version',
      '2',
    ]);
  });
});

describe('headers to the client', () => {
  it('keep their order, their spelling, and each of several of one name', () => {
    const answer = [...KEPT, 'Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'Content-Length', '7', 'Date', 'today'];
    expect(forClient(answer)).toEqual(answer);
  });

  it.each([
    { what: 'names once each', answer: ['Content-Type', 'a/b', 'x-a', '1', 'X-B', '2'] },
    { what: 'names that are numbers', answer: ['x-a', '1', '7', 'seven', '3', 'three'] },
    { what: 'a name that every object has', answer: ['__proto__', '1', 'constructor', '2', 'X-B', '3'] },
    { what: 'nothing', answer: [] },
  ])('stay what they were: $what', ({ answer }) => {
    expect(forClient(answer)).toEqual(answer);
    expect(forUpstream(answer)).toEqual(answer);
  });

  it('lose what holds for one connection only, and what Connection names', () => {
    expect(forClient([...HOP_BY_HOP, ...KEPT])).toEqual(KEPT);
  });

  it('lose what no longer holds', () => {
    expect(forClient(['Content-Length', '7', 'x-a', '1'], ['content-length'])).toEqual(['x-a', '1']);
  });

  it('have no word of a Metertap behind this one', () => {
    expect(forClient(['X-Metertap-Request-Id', '01KAF8', 'x-metertap-cost-usd', '1', 'x-a', '1'])).toEqual([
      'x-a',
      '1',
    ]);
  });
});

describe('one header of an answer', () => {
  it('is found whatever its spelling; the first counts', () => {
    const twice = answerHeaders(['x-a', '1', 'Content-Type', 'text/event-stream', 'content-type', 'x']);
    expect(twice.get('content-type')).toBe('text/event-stream');
    expect(twice.get('content-typf')).toBeUndefined();
    const once = answerHeaders(['x-a', '1', 'Content-Type', 'text/event-stream']);
    expect(once.get('content-type')).toBe('text/event-stream');
    expect(once.get('content-typf')).toBeUndefined();
  });
});

describe('an upgrade', () => {
  it.each([
    ['websocket', true],
    ['WebSocket', true],
    ['h2c, websocket', true],
    ['websocket/13', true],
    ['h2c', false],
    ['notwebsocket', false],
    [undefined, false],
  ])('to %s: %s', (upgrade, asks) => {
    expect(asksForWebSocket(upgrade === undefined ? {} : { upgrade })).toBe(asks);
  });
});
