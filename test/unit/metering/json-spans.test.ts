import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { skipValue } from '../../../src/core/json-members.ts';
import { skipString } from '../../../src/core/json-strings.ts';
import { trailingMember } from '../../../src/metering/json-ends.ts';
import { eachElement, MemberNames, membersAt, nestedMembersAt, type Spans } from '../../../src/metering/json-spans.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.stringMatching(/^[\\"a]{0,120}$/),
  fc
    .array(fc.constantFrom('"', '\\', 'a', '!#', ' says \\"so\\". '), { maxLength: 120 })
    .map((parts) => parts.join('')),
);

describe('the walk over JSON bytes', () => {
  it('ends a string where it ends, whatever is escaped in it and wherever', () => {
    fc.assert(
      fc.property(text, (value) => {
        const written = Buffer.from(JSON.stringify(value));
        expect(skipString(Buffer.concat([written, Buffer.from(',"x":"')]), 0)).toBe(written.length);
        expect(skipString(written.subarray(0, -1), 0)).toBe(-1);
      }),
    );
  });

  it('ends a value where it ends', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const written = Buffer.from(JSON.stringify([value, 1.5e-7]));
        expect(skipValue(Buffer.concat([written, Buffer.from(' ]}')]), 0)).toBe(written.length);
      }),
    );
  });

  it('finds the wanted members of an object, as a parser would', () => {
    const names = new MemberNames(['usage', 'id', 'model']);
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('usage', 'id', 'model', 'other', 'us\\age'), fc.jsonValue()),
        (object) => {
          const bytes = Buffer.from(JSON.stringify(object, null, 1));
          const found = membersAt(bytes, 0, names);
          const read = [...(found ?? [])].map(([name, span]) => [
            name,
            JSON.parse(bytes.toString('utf8', span.valueStart, span.valueEnd)),
          ]);
          const wanted = Object.entries(JSON.parse(JSON.stringify(object))).filter(([name]) =>
            /^(usage|id|model)$/.test(name),
          );
          expect(read).toEqual(wanted);
        },
      ),
    );
  });

  it('finds the members of a member in the same walk, where it is an object', () => {
    const wanted = new MemberNames(['response', 'id', 'usage']);
    const nested = { wanted, innerName: 'response', innerWanted: new MemberNames(['id', 'usage']) };
    const found = (json: string): unknown => {
      const bytes = Buffer.from(json);
      const spans = nestedMembersAt(bytes, 0, nested);
      const texts = (members: Spans | null | undefined): unknown =>
        members && [...members].map(([name, span]) => [name, bytes.toString('utf8', span.valueStart, span.valueEnd)]);
      return spans && { members: texts(spans.members), inner: texts(spans.inner) };
    };
    const inner = '{"id": 2, "x": {"usage": 3}, "usage": [4]}';
    expect(found(`{"id": 1, "response": ${inner} , "y": 5, "usage": 6}`)).toEqual({
      members: [
        ['id', '1'],
        ['response', inner],
        ['usage', '6'],
      ],
      inner: [
        ['id', '2'],
        ['usage', '[4]'],
      ],
    });
    expect(found('{"response": {"id": 1}, "response": null}')).toEqual({
      members: [['response', 'null']],
      inner: null,
    });
    expect(found('{"response": {}, "id": 1}')).toEqual({
      members: [
        ['response', '{}'],
        ['id', '1'],
      ],
      inner: [],
    });
    expect(found('{"response": {"id" 1}, "id": 1}')).toMatchObject({ inner: null });
    expect(found('{"x": {"response": {"id": 1}}}')).toEqual({ members: [], inner: null });
    expect(found('{"response": {"id": 1}')).toBeNull();
  });

  it('visits each element of an array and nothing else', () => {
    const visited = (json: string): number[] => {
      const starts: number[] = [];
      eachElement(Buffer.from(json), 0, (start) => starts.push(start));
      return starts;
    };
    expect(visited('[ {"a":[1,2]} ,[3], "x,y" ]')).toEqual([2, 15, 20]);
    expect(visited('[]')).toEqual([]);
    expect(visited('{"a":1}')).toEqual([]);
    expect(visited('null')).toEqual([]);
  });

  it('finds a trailing member only in the outermost object', () => {
    const find = (json: string): number | undefined =>
      trailingMember(Buffer.from(json), Buffer.from('"u"'))?.valueStart;
    expect(find('{"a":1,"u":2,"b":[{"c":"}"}]}')).toBe(11);
    expect(find('{"a":{"u":1}}')).toBeUndefined();
    expect(find('{"u":1,"a":{"u":2}}')).toBe(5);
    expect(find('[{"u":1}]')).toBeUndefined();
    expect(find('1,"u":1}')).toBe(6);
  });

  it('leaves it to a walk where very many inner members have the name', () => {
    const inner = (depth: number) => Buffer.from(`{"a":${'{"u":'.repeat(depth)}1${'}'.repeat(depth)}}`);
    const walked = { keyStart: 1, valueStart: 2, valueEnd: 3 };
    const find = (depth: number) => trailingMember(inner(depth), Buffer.from('"u"'), () => walked);
    expect([find(10), find(10_000)]).toEqual([null, walked]);
  });
});
