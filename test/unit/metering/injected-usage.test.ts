import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HiderOptions, InjectedUsageHider } from '../../../src/metering/injected-usage.ts';
import { lineOf } from '../../support/chunk-span.ts';

/** What a client sees of the events; null for one that is withheld. */
function shown(events: readonly string[], options?: HiderOptions): (string | null)[] {
  const hider = new InjectedUsageHider(options);
  const glancing = new InjectedUsageHider(options);
  return events.map((event) => {
    const data = Buffer.from(event);
    const verdict = hider.judge(data);
    expect(glancing.glance(lineOf(data)) ?? glancing.judge(data)).toEqual(verdict);
    if (verdict.kind === 'withhold') return null;
    if (verdict.kind === 'keep') return event;
    return Buffer.concat([data.subarray(0, verdict.from), data.subarray(verdict.to)]).toString('utf8');
  });
}
const show = (event: string, options?: HiderOptions): string | null | undefined => shown([event], options)[0];

const member = fc.constantFrom(
  '"id":"a"',
  '"choices":[]',
  '"choices":[{"index":0}]',
  '"usage":null',
  '"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}',
  '"usage":{"prompt_tokens":0}',
  '"usage":"a"',
  '"usage" : null',
  '"x":{"usage":null}',
  '"x":"usage"',
  '"usage":"usage"',
  '"obfuscation":"aB3"',
  '"obfuscation":""',
  '"obfuscation":"a\\"b"',
  '"obfuscation":"a\\\\"',
  '"x\\"usage":null',
  '"x":",\\"usage\\":null"',
  '"other":"usage\\":null"',
  '"error":{"code":1}',
);
const object = fc
  .tuple(fc.array(member, { maxLength: 5 }), fc.constantFrom('', ' '))
  .map(([members, space]) => `${space}{${members.join(',')}}${space}`);

describe('a glance', () => {
  it('says what a closer look says, whatever was seen before', () => {
    fc.assert(
      fc.property(fc.array(object, { maxLength: 4 }), fc.boolean(), fc.boolean(), (events, asked, running) => {
        shown(events, { usageOnlyWhenAsked: asked, runningOnly: running });
      }),
      { numRuns: 2000 },
    );
  });

  it('suffices for the events of OpenAI', () => {
    const hider = new InjectedUsageHider();
    const event = '{"id":"a","choices":[{"delta":{"content":"\\"usage\\":null"}}],"usage":null';
    for (const end of ['}', ',"obfuscation":"a8Kd"}', ',"service_tier":""}']) {
      const cut = { kind: 'cut', from: event.length - 13, to: event.length };
      expect(hider.glance(lineOf(event + end))).toEqual(cut);
    }
  });
});

const USAGE = '{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}';
const ZERO = '{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}';
const CHOICES = '[{"index":0,"delta":{"content":"x"}}]';

describe('the event that holds only usage', () => {
  it.each([
    `{"id":"a","choices":[],"usage":${USAGE}}`,
    `{"id":"a","choices": [ ] , "usage" : ${USAGE} , "obfuscation":"zz"}`,
    `{"id":"a","choices":[],"usage":${ZERO}}`,
    `{"id":"a","choices":[],"usage":${USAGE},"moderation":null,"prompt_filter_results":[]}`,
    `{"id":"a","choices":null,"usage":${USAGE}}`,
    `{"id":"a","object":"chat.completion.chunk","usage":${USAGE}}`,
  ])('is withheld: %s', (event) => {
    expect(show(event)).toBeNull();
  });

  it.each([
    ['moderation', '{"results":[1]}'],
    ['error', '{"code":1}'],
    ['prompt_filter_results', '[{"prompt_index":0}]'],
  ])('loses only the usage where it has %s as well', (name, value) => {
    expect(show(`{"id":"a","choices":[],"usage":${USAGE},"${name}":${value}}`)).toBe(
      `{"id":"a","choices":[],"${name}":${value}}`,
    );
  });
});

it('is told from any number of inner members of its name', () => {
  const nested = `${'{"usage":'.repeat(1000)}1${'}'.repeat(1000)}`;
  expect(show(`{"choices":[],"x":${nested}}`)).toBe(`{"choices":[],"x":${nested}}`);
  expect(show(`{"choices":[{"index":0}],"usage":null,"x":${nested}}`)).toBe(`{"choices":[{"index":0}],"x":${nested}}`);
  expect(show(`{"choices":[],"usage":${nested}}`)).toBeNull();
});

describe('usage that is null', () => {
  it.each([
    ['last', '{"id":"a","choices":[1],"usage":null}', '{"id":"a","choices":[1]}'],
    ['in the middle', '{"id":"a","usage":null,"choices":[1]}', '{"id":"a","choices":[1]}'],
    ['first', '{"usage":null,"id":"a"}', '{"id":"a"}'],
    ['alone', '{"usage":null}', '{}'],
    ['spaced', '{"id": "a", "usage": null, "x": 1}', '{"id": "a", "x": 1}'],
    ['first and spaced', '{"usage": null, "id": "a"}', '{"id": "a"}'],
    ['on lines of its own', '{\n  "id": "a",\n  "usage": null\n}', '{\n  "id": "a"\n}'],
    ['without choices', '{"choices":[],"moderation":{"a":1},"usage":null}', '{"choices":[],"moderation":{"a":1}}'],
    ['after text that names it', '{"a":"\\"usage\\":null","usage":null}', '{"a":"\\"usage\\":null"}'],
    ['before a nested one', '{"usage":null,"x":{"usage":null}}', '{"x":{"usage":null}}'],
    ['with space around it all', ' {"a":1,"usage":null} ', ' {"a":1} '],
  ])('is cut out with one comma: %s', (_, event, expected) => {
    expect(show(event)).toBe(expected);
  });
});

describe('usage on an event with choices', () => {
  const withUsage = `{"id":"a","choices":${CHOICES},"usage":${USAGE}}`;
  const without = `{"id":"a","choices":${CHOICES}}`;

  it('stays where it comes unasked', () => {
    expect(shown([without, withUsage])).toEqual([without, withUsage]);
  });

  it('goes where the stream has shown null in its place', () => {
    expect(shown([`{"id":"a","choices":${CHOICES},"usage":null}`, withUsage])).toEqual([without, without]);
  });

  it('goes where the stream has shown zeros in its place, and so do the zeros', () => {
    expect(shown([`{"id":"a","choices":${CHOICES},"usage":${ZERO}}`, withUsage])).toEqual([without, without]);
  });

  it('goes where the upstream is known to send it only when asked', () => {
    expect(shown([withUsage, withUsage], { usageOnlyWhenAsked: true })).toEqual([without, without]);
  });

  it('is judged stream by stream', () => {
    shown([`{"choices":${CHOICES},"usage":null}`]);
    expect(show(withUsage)).toBe(withUsage);
  });
});

describe('what is not touched', () => {
  it.each([
    '{"id":"a","choices":[{"delta":{"content":"x"}}]}',
    '{"choices":[{"delta":{"content":"\\"usage\\":null"}}]}',
    '{"choices":[{"delta":{"content":"usage"}}]}',
    '{"choices":[{"usage":null}]}',
    '{"choices":[{"index":0}],"x_groq":{"id":"r","usage":{"prompt_tokens":1}}}',
    '{"x_groq":{"usage":null}}',
    '{"x_groq":{"usage":null},"choices":[]}',
    '{"a\\"usage":null}',
    '{"choices":[],"usage":7}',
    '{"choices":[],"usage":"none"}',
    '[DONE]',
    '["usage",null]',
    '[{"usage":null}]',
    '"usage"',
    '"usage":null',
    'plain "usage":null}',
    '{"usage"',
    '{"usage":',
    '{"usage":n',
    '{"a":1,"usage":null',
    '{"a":1,"usage":{"b":',
    '',
  ])('%s', (event) => {
    expect(show(event)).toBe(event);
  });

  it('anything at all where the upstream answers unasked', () => {
    const events = [`{"choices":[],"usage":${USAGE}}`, '{"choices":[1],"usage":null}'];
    expect(shown(events, { upstreamAnswersUnasked: true })).toEqual(events);
  });
});

describe('any chunk', () => {
  const member = fc.tuple(
    fc.string().filter((key) => key !== 'usage' && key !== '__proto__'),
    fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constant('"usage":null'), fc.constant({ usage: null })),
  );
  const members = fc.uniqueArray(member, { selector: ([key]) => key, maxLength: 6 });
  const spacing = fc.constantFrom(undefined, 1, 2);
  // Keys that are array indices are put first by JSON.stringify; a prefix keeps the order that was made.
  const object = (entries: readonly (readonly [string, unknown])[]): Record<string, unknown> =>
    Object.fromEntries(entries.map(([key, value]) => [key === 'usage' ? key : `k${key}`, value]));

  it('with a null usage is, after the cut, the chunk that was written without it', () => {
    fc.assert(
      fc.property(members, fc.nat(), spacing, (entries, place, indent) => {
        const at = place % (entries.length + 1);
        const withNull = object(entries.toSpliced(at, 0, ['usage', null]));
        expect(show(JSON.stringify(withNull, null, indent))).toBe(JSON.stringify(object(entries), null, indent));
      }),
    );
  });

  it('without a usage of its own survives, whatever its texts say', () => {
    fc.assert(
      fc.property(members, spacing, (entries, indent) => {
        const event = JSON.stringify(object(entries), null, indent);
        expect(show(event)).toBe(event);
      }),
    );
  });

  it('cut off anywhere is judged without a throw', () => {
    fc.assert(
      fc.property(members, fc.nat(), (entries, length) => {
        const event = JSON.stringify(object([...entries, ['usage', null]]));
        expect(() => show(event.slice(0, length % (event.length + 1)))).not.toThrow();
      }),
    );
  });

  it('with usage and no choices never reaches the client', () => {
    fc.assert(
      fc.property(members, fc.nat(), (entries, tokens) => {
        const event = { ...object(entries), choices: [], usage: { prompt_tokens: tokens } };
        expect(show(JSON.stringify(event))).toBeNull();
      }),
    );
  });
});

describe('running usage that Metertap asked for', () => {
  const running = `{"id":"a","choices":${CHOICES},"usage":${USAGE}}`;
  const last = `{"id":"a","choices":[],"usage":${USAGE}}`;

  it('is cut from every event of a client that asked for the usage at the end, which stays', () => {
    const seen = shown([running, running, last], { runningOnly: true });
    expect(seen).toEqual([`{"id":"a","choices":${CHOICES}}`, `{"id":"a","choices":${CHOICES}}`, last]);
  });

  it('leaves such a client the nulls that it would have seen', () => {
    const event = `{"id":"a","choices":${CHOICES},"usage":null}`;
    expect(shown([event, running], { runningOnly: true })).toEqual([event, `{"id":"a","choices":${CHOICES}}`]);
  });

  it('is hidden with the event at the end from a client that asked for nothing', () => {
    const seen = shown([running, last], { usageOnlyWhenAsked: true });
    expect(seen).toEqual([`{"id":"a","choices":${CHOICES}}`, null]);
  });
});
