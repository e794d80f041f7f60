import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { skipString, skipValue } from '../../../src/core/json-members.ts';
import { trailingMember } from '../../../src/metering/json-ends.ts';
import { eachElement, MemberNames, membersAt } from '../../../src/metering/json-spans.ts';

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.stringMatching(/^[\\"a]{0,120}$/));

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
});
