import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import type { ClientRequest } from '../../../src/server/client-request.ts';
import { type HeaderSettings, headersForUpstream, type UpstreamHeaderOptions } from '../../../src/server/headers.ts';
import { RepeatedHeaders } from '../../../src/server/repeated-headers.ts';

const SETTINGS: HeaderSettings = { apiKey: 'sk-upstream', forwardTraceHeaders: false, headers: {} };
const OPTIONS: UpstreamHeaderOptions = {
  upstream: { settings: SETTINGS },
  replaceCredential: true,
  dropContentEncoding: false,
  plainAnswer: false,
  contentLength: null,
};

function requestOf(user: string, likeness: object | null): ClientRequest {
  const request = new IncomingMessage(new Socket());
  request.rawHeaders = ['X-User', user, 'Authorization', 'Bearer mt-key', 'accept-encoding', 'gzip'];
  request.headers = { 'x-user': user, authorization: 'Bearer mt-key', 'accept-encoding': 'gzip' };
  return Object.assign(request, { likeness });
}

it('makes the headers of requests that say the same once', () => {
  const repeated = new RepeatedHeaders();
  const likeness = {};
  const first = repeated.of(requestOf('a', likeness), OPTIONS);
  expect(first.headers).toEqual(headersForUpstream(requestOf('a', null), OPTIONS));
  expect(first.headers).toEqual(['X-User', 'a', 'accept-encoding', 'gzip', 'authorization', 'Bearer sk-upstream']);
  expect(first.repeated).not.toBeNull();
  expect(repeated.of(requestOf('a', likeness), { ...OPTIONS })).toBe(first);
  expect(repeated.of(requestOf('a', likeness), { ...OPTIONS, plainAnswer: true }).repeated).not.toBe(first.repeated);
});

it('tells requests that say different things, and those that are like no other, from one another', () => {
  const repeated = new RepeatedHeaders();
  const [one, other] = [{}, {}];
  expect(repeated.of(requestOf('a', one), OPTIONS).headers).toContain('a');
  expect(repeated.of(requestOf('b', other), OPTIONS).headers).toContain('b');
  expect(repeated.of(requestOf('a', one), OPTIONS).headers).toContain('a');
  const alone = repeated.of(requestOf('c', null), OPTIONS);
  expect(alone).toEqual({ headers: headersForUpstream(requestOf('c', null), OPTIONS), repeated: null });
});

it.each([
  ['the credential goes on', { replaceCredential: false }],
  ['the body was decoded', { dropContentEncoding: true }],
  ['the answer is to be plain', { plainAnswer: true }],
  ['the body streams by', { contentLength: '5' }],
])('makes others where %s', (_what, change) => {
  const repeated = new RepeatedHeaders();
  const request = requestOf('a', {});
  repeated.of(request, OPTIONS);
  const options = { ...OPTIONS, ...change };
  expect(repeated.of(request, options).headers).toEqual(headersForUpstream(request, options));
  expect(repeated.of(request, OPTIONS).headers).toEqual(headersForUpstream(request, OPTIONS));
});
