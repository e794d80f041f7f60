import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CallHead, CallHeads } from '../../../src/server/call-head.ts';
import type { ClientRequest } from '../../../src/server/client-request.ts';

interface Said {
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly likeness?: object | null;
}

function requestOf({ url = '/v1/chat/completions', headers = {}, likeness = null }: Said): ClientRequest {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method: 'POST', url, headers, likeness });
  return request;
}

describe('the head of a call', () => {
  it('says where it points, whose it is, which attempt it is, and its ids', () => {
    const headers = {
      authorization: 'Bearer mt-key',
      'x-stainless-retry-count': '2',
      'x-session-id': 's1',
      'x-metertap-tags': 'a=b',
    };
    const head = new CallHead(requestOf({ url: '/run/r1/v1/responses', headers }));
    expect(head.target).toEqual({ path: 'responses', target: '/responses', pathRunId: 'r1' });
    expect(head.endpoint).toMatchObject({ name: 'responses', kind: 'metered' });
    expect(head.credential?.text).toBe('mt-key');
    expect(head.retryCount).toBe(2);
    expect(head.idsIn(headers)).toMatchObject({ runId: { value: 'r1' }, sessionId: { value: 's1' }, tags: { a: 'b' } });
  });

  it.each([['-1'], ['1e2'], ['1234'], ['']])('counts no attempts where the client says %j', (count) => {
    expect(new CallHead(requestOf({ headers: { 'x-stainless-retry-count': count } })).retryCount).toBe(0);
  });

  it('refuses bad ids each time that they are asked for', () => {
    const headers = { 'x-metertap-run-id': ' ' };
    const head = new CallHead(requestOf({ headers }));
    for (let i = 0; i < 2; i++) expect(() => head.idsIn(headers)).toThrow('x-metertap-run-id');
  });
});

describe('heads of calls', () => {
  it('are one where requests say the same, and others where they do not', () => {
    const heads = new CallHeads();
    const [one, other] = [{}, {}];
    const first = heads.of(requestOf({ headers: { 'api-key': 'first' }, likeness: one }));
    expect(heads.of(requestOf({ headers: { 'api-key': 'first' }, likeness: one }))).toBe(first);
    expect(heads.of(requestOf({ headers: { 'api-key': 'second' }, likeness: other })).credential?.text).toBe('second');
    expect(heads.of(requestOf({ headers: { 'api-key': 'third' } })).credential?.text).toBe('third');
    expect(heads.of(requestOf({ headers: { 'api-key': 'fourth' } })).credential?.text).toBe('fourth');
  });

  it('are none of a path that leaves the API, however often it is asked for', () => {
    const heads = new CallHeads();
    const request = requestOf({ url: '/v1/../x', likeness: {} });
    for (let i = 0; i < 2; i++) expect(() => heads.of(request)).toThrow('leave /v1/');
  });
});
