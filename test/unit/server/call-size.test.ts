import { describe, expect, it } from 'vitest';
import { classifyEndpoint } from '../../../src/metering/endpoints.ts';
import type { Pricer } from '../../../src/pricing/pricer.ts';
import { callSizeOf } from '../../../src/server/call-size.ts';
import { outputCeilingOf } from '../../../src/server/output-ceiling.ts';
import type { CallRequest } from '../../../src/server/read-request.ts';
import { createUpstreams } from '../../../src/server/upstreams.ts';

describe('the ceiling of a request', () => {
  it.each([
    [{ max_completion_tokens: 50 }, 50],
    [{ max_tokens: 50 }, 50],
    [{ max_output_tokens: 50 }, 50],
    [{ max_completion_tokens: 10, max_tokens: 99 }, 10],
    [{ max_tokens: 50, n: 3 }, 150],
    [{ max_tokens: 50, best_of: 4, n: 2 }, 200],
    [{ max_tokens: 50, prompt: ['one', 'two'], n: 2 }, 200],
    [{ max_tokens: 50, prompt: [1, 2, 3] }, 50],
    [{ max_tokens: 50, n: 'many' }, 50],
    [{ max_tokens: 1e15, n: 1e15 }, 1_000_000_000],
    [{}, null],
    [{ max_tokens: null }, null],
    [{ max_tokens: -1 }, null],
    [{ max_tokens: 0 }, null],
    [{ max_tokens: 1.5 }, null],
    [{ max_tokens: '50' }, null],
  ])('of %j is %s', (body, ceiling) => {
    expect(outputCeilingOf(body)).toBe(ceiling);
  });
});

describe('the size of a call', () => {
  const priced: Parameters<Pricer['worstCost']>[0][] = [];
  const size = (body: Buffer, given: Partial<CallRequest> = {}) => {
    const request = { model: 'm', body, outputCeiling: 7, serviceTier: 'flex', ...given } as CallRequest;
    const upstream = createUpstreams([
      {
        name: 'openai',
        baseUrl: 'http://127.0.0.1:9/v1',
        apiKey: null,
        models: ['*'],
        streamUsage: 'auto',
        continuousUsage: false,
        connectMs: 1,
        firstByteMs: 1,
        idleMs: 1,
        maxConnections: 1,
        forwardTraceHeaders: false,
        headers: {},
      },
    ]).choose('m');
    if (upstream === null) throw new Error('no upstream');
    const call = { endpoint: classifyEndpoint('POST', 'chat/completions'), request, upstream, startedAtMs: 5 };
    return callSizeOf(call, {
      worstCost: (asked) => {
        priced.push(asked);
        return 3 * asked.inputTokens + asked.outputTokens;
      },
    });
  };

  it('is a token for four bytes of a small request', () => {
    expect(size(Buffer.alloc(400, 'x')).inputTokens()).toBe(100);
  });

  it('does not take a picture for text', () => {
    const picture = 'A'.repeat(400_000);
    const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: picture } }] }];
    expect(size(Buffer.from(JSON.stringify({ messages }))).inputTokens()).toBeLessThan(5_000);
  });

  it.each([
    ['a file', { type: 'file', file: { file_data: `data:application/pdf;base64,${'A'.repeat(400_000)}` } }],
    ['a recording', { type: 'input_audio', input_audio: { data: 'A'.repeat(400_000), format: 'wav' } }],
    [
      'a picture of the Responses API',
      { type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(400_000)}` },
    ],
  ])('does not take %s for text', (_what, part) => {
    const body = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: [part] }] }));
    expect(size(body).inputTokens()).toBeLessThan(5_000);
  });

  it('is a token for four bytes of a large request of text, too', () => {
    const body = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: 'word '.repeat(20_000) }] }));
    expect(size(body).inputTokens()).toBe(Math.ceil(body.length / 4));
  });

  it('is priced at the most that it may cost, in the tier that was asked for', () => {
    expect(size(Buffer.alloc(0)).costNanoUsd(10, 5)).toBe(35);
    expect(priced.at(-1)).toEqual({
      upstream: 'openai',
      requestModel: 'm',
      responseModel: null,
      serviceTier: 'flex',
      inputTokens: 10,
      outputTokens: 5,
      atMs: 5,
    });
  });
});
