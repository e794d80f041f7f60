import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  askForStreamUsage,
  clientAskedForUsage,
  mayBeRejection,
  namesStreamOptions,
  RejectionMemory,
} from '../../../src/server/stream-usage-request.ts';
import { isOneUsageEdit } from '../../support/asked-body.ts';
import { spacedJson } from '../../support/json-texts.ts';

/** Asks in the body's own bytes, as the request path does: with the member as it was parsed. */
function ask(body: string): string | null {
  return askForStreamUsage(Buffer.from(body), JSON.parse(body).stream_options)?.toString() ?? null;
}

describe('a body that does not ask is made to', () => {
  it.each([
    ['absent', '{"stream":true}', '{"stream_options":{"include_usage":true},"stream":true}'],
    ['in an empty body', '{}', '{"stream_options":{"include_usage":true}}'],
    ['in an empty body with space', '{ \n}', '{"stream_options":{"include_usage":true} \n}'],
    ['null', '{"stream_options":null,"a":1}', '{"stream_options":{"include_usage":true},"a":1}'],
    ['empty', '{"stream_options":{},"a":1}', '{"stream_options":{"include_usage":true},"a":1}'],
    ['empty with space', '{"stream_options":{ \t}}', '{"stream_options":{"include_usage":true \t}}'],
    ['false', '{"stream_options":{"include_usage":false}}', '{"stream_options":{"include_usage":true}}'],
    ['null within', '{"stream_options":{"include_usage":null}}', '{"stream_options":{"include_usage":true}}'],
    [
      'beside others',
      '{"stream_options":{"include_obfuscation":false}}',
      '{"stream_options":{"include_usage":true,"include_obfuscation":false}}',
    ],
    [
      'false beside others',
      '{"stream_options":{"a":[{"include_usage":1}],"include_usage":false,"b":2}}',
      '{"stream_options":{"a":[{"include_usage":1}],"include_usage":true,"b":2}}',
    ],
    [
      'white space everywhere',
      ' \r\n\t{ "stream" : true ,\n "stream_options"\t:\r\n{ "include_usage" :\n false } } \n',
      ' \r\n\t{ "stream" : true ,\n "stream_options"\t:\r\n{ "include_usage" :\n true } } \n',
    ],
    [
      'absent, white space everywhere',
      ' \r\n\t{ "stream" : true } \n',
      ' \r\n\t{"stream_options":{"include_usage":true}, "stream" : true } \n',
    ],
    [
      'only further down',
      '{"messages":[{"stream_options":{"include_usage":true}}]}',
      '{"stream_options":{"include_usage":true},"messages":[{"stream_options":{"include_usage":true}}]}',
    ],
    [
      'only in a text',
      '{"prompt":"\\"stream_options\\":{"}',
      '{"stream_options":{"include_usage":true},"prompt":"\\"stream_options\\":{"}',
    ],
    [
      'a key with escapes',
      '{"stre\\u0061m_options":{"include\\u005Fusage":false}}',
      '{"stre\\u0061m_options":{"include\\u005Fusage":true}}',
    ],
    ['a key with escapes, null', '{"\\u0073tream_options":null}', '{"\\u0073tream_options":{"include_usage":true}}'],
    [
      'a prototype that is none',
      '{"stream_options":{"__proto__":{"include_usage":true}}}',
      '{"stream_options":{"include_usage":true,"__proto__":{"include_usage":true}}}',
    ],
  ])('%s', (_, body, expected) => {
    expect(ask(body)).toBe(expected);
    expect(JSON.parse(expected).stream_options.include_usage).toBe(true);
  });
});

describe('of a key that occurs twice the last one counts', () => {
  it.each([
    [
      '{"stream_options":{"include_usage":true},"stream_options":null}',
      '{"stream_options":{"include_usage":true},"stream_options":{"include_usage":true}}',
    ],
    [
      '{"stream_options":null,"stream\\u005foptions":{}}',
      '{"stream_options":null,"stream\\u005foptions":{"include_usage":true}}',
    ],
    [
      '{"stream_options":{"include_usage":true,"include_usage":false}}',
      '{"stream_options":{"include_usage":true,"include_usage":true}}',
    ],
    ['{"stream_options":null,"stream_options":{"include_usage":true}}', null],
    ['{"stream_options":{"include_usage":false,"include_usage":true}}', null],
  ])('%s', (body, expected) => {
    expect(ask(body)).toBe(expected);
  });
});

describe('a body is left alone where the client asks already or only the upstream may judge', () => {
  it.each([
    '{"stream_options":{"include_usage":true}}',
    '{"stream_options":{"include_usage":"true"}}',
    '{"stream_options":{"include_usage":1}}',
    '{"stream_options":{"include_usage":0}}',
    '{"stream_options":{"include_usage":[]}}',
    '{"stream_options":true}',
    '{"stream_options":"include_usage"}',
    '{"stream_options":[]}',
    '{"stream_options":[{"include_usage":false}]}',
    '{"stream_options":7}',
  ])('%s', (body) => {
    expect(ask(body)).toBeNull();
  });
});

describe('any body', () => {
  const options = fc.oneof(
    fc.constant(null),
    fc.record({ include_usage: fc.constantFrom(null, false), include_obfuscation: fc.boolean() }, { requiredKeys: [] }),
  );
  const members = fc.array(fc.tuple(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 2 })), { maxLength: 5 });
  const body = fc
    .tuple(members, fc.option(options, { nil: undefined }), fc.nat(5))
    .chain(([others, streamOptions, at]) => {
      const all = others.filter(([name]) => name !== 'stream_options' && name !== '__proto__');
      if (streamOptions !== undefined) all.splice(at, 0, ['stream_options', streamOptions]);
      return spacedJson(Object.fromEntries(all));
    });

  it('says the same with the member, and what it said without it', () => {
    fc.assert(
      fc.property(body, (text) => {
        const before = JSON.parse(text);
        const asked = ask(text);
        if (asked === null) throw new Error('it did not ask before');
        const expected = { ...before, stream_options: { ...before.stream_options, include_usage: true } };
        expect(JSON.parse(asked)).toEqual(expected);
        expect(isOneUsageEdit(asked, text)).toBe(true);
      }),
    );
  });
});

describe('whether the client asked', () => {
  it.each<[unknown, boolean]>([
    [undefined, false],
    [null, false],
    ['include_usage', false],
    [{}, false],
    [{ include_usage: false }, false],
    [{ include_usage: 'true' }, false],
    [{ include_usage: true }, true],
  ])('%j: %s', (streamOptions, asked) => {
    expect(clientAskedForUsage(streamOptions)).toBe(asked);
  });
});

describe('the refusal of an upstream', () => {
  it('may be a 400 or 422', () => {
    expect([200, 400, 401, 422, 429, 500].filter(mayBeRejection)).toEqual([400, 422]);
  });

  it.each([
    ['{"error":{"message":"Unknown parameter: \'stream_options\'."}}', true],
    ['{"detail":[{"loc":["body","stream_options","include_usage"]}]}', true],
    ['{"error":{"message":"include_usage is not supported"}}', true],
    ['{"error":{"message":"messages is required"}}', false],
    ['', false],
  ])('%s: %s', (body, names) => {
    expect(namesStreamOptions(Buffer.from(body))).toBe(names);
  });

  it('is remembered for its upstream and model alone', () => {
    const memory = new RejectionMemory();
    memory.add('a', 'm');
    memory.add('b', null);
    expect([memory.has('a', 'm'), memory.has('a', 'n'), memory.has('a', null)]).toEqual([true, false, false]);
    expect([memory.has('b', null), memory.has('b', 'm')]).toEqual([true, false]);
  });

  it('is forgotten when very many others have come since', () => {
    const memory = new RejectionMemory();
    memory.add('a', 'first');
    for (let model = 0; model < 9_999; model++) memory.add('a', String(model));
    expect(memory.has('a', 'first')).toBe(true);
    memory.add('a', 'one more');
    expect([memory.has('a', 'first'), memory.has('a', '0'), memory.has('a', 'one more')]).toEqual([false, true, true]);
  });
});
