import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonVisitor, scanJson } from '../../../src/metering/estimate-scan.ts';

interface Walk {
  /** `depth name` and `depth =value` in the order in which they were told. */
  readonly told: string[];
  readonly walked: number;
}

function walk(json: string | Buffer, wish: (name: string) => 'read' | 'skip' | 'stop' = () => 'read'): Walk {
  const bytes = Buffer.from(json);
  const told: string[] = [];
  const visitor: JsonVisitor = {
    member: (start, end, depth) => {
      const name = bytes.toString('utf8', start, end);
      told.push(`${depth} ${name}`);
      return wish(name);
    },
    text: (start, end, depth) => void told.push(`${depth} =${bytes.toString('utf8', start, end)}`),
    number: () => void told.push('number'),
    object: (depth) => void told.push(`${depth} {`),
  };
  return { told, walked: scanJson(bytes, visitor) };
}

describe('scanJson', () => {
  it('tells names from values, with their depth', () => {
    expect(walk('{ "a" : "x", "b": [ "y", 12.5e-3, {"c":"z"} ], "d": null }').told).toEqual([
      '1 {',
      '1 a',
      '1 =x',
      '1 b',
      '2 =y',
      'number',
      '3 {',
      '3 c',
      '3 =z',
      '1 d',
    ]);
  });

  it('knows escaped quotes', () => {
    expect(walk('{"a":"x\\"y","b\\\\":"\\\\"}').told).toEqual(['1 {', '1 a', '1 =x\\"y', '1 b\\\\', '1 =\\\\']);
  });

  it.each([
    ['a list', '{"no":[{"no":"x","in":["y"]}],"a":"z"}'],
    ['an object', '{"no":{"in":{"no":"x"},"b":1},"a":"z"}'],
    ['a text', '{"no":"x","a":"z"}'],
    ['a number', '{"no":1,"a":"z"}'],
  ])('passes over %s that is not wanted', (_, json) => {
    const { told } = walk(json, (name) => (name === 'no' ? 'skip' : 'read'));
    expect(told.filter((line) => line !== 'number')).toEqual(['1 {', '1 no', '1 a', '1 =z']);
  });

  it('ends where the visitor has enough', () => {
    const { told, walked } = walk('{"a":"x","b":"y"}', (name) => (name === 'b' ? 'stop' : 'read'));
    expect(told.at(-1)).toBe('1 b');
    expect(walked).toBe(1);
  });

  it.each([
    ['within a text', '{"a":["x","yz', ['1 {', '1 a', '2 =x', '2 =yz']],
    ['after a name', '{"a":', ['1 {', '1 a']],
    ['within what is passed over', '{"no":["x"', ['1 {', '1 no']],
    ['within an escape', '{"a":"x\\', ['1 {', '1 a', '1 =x\\']],
  ])('walks a text that is cut off %s', (_, json, told) => {
    expect(walk(json, (name) => (name === 'no' ? 'skip' : 'read'))).toEqual({ told, walked: 1 });
  });

  it('tells the strings of any JSON document as JSON.parse knows them', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const values = walk(JSON.stringify(value)).told.filter((line) => /^\d+ =/.test(line));
        const texts = values.map((line) => JSON.parse(`"${line.slice(line.indexOf('=') + 1)}"`));
        expect(texts.toSorted()).toEqual(stringsIn(value).toSorted());
      }),
    );
  });

  it('stays within any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(walk(Buffer.from(bytes)).walked).toBe(1);
      }),
    );
  });

  it('gives up on tens of megabytes of small things, and says how far it came', () => {
    const { walked } = walkSilently(Buffer.from(`[${'1,'.repeat(8 * 1024 * 1024)}1]`));
    expect(walked).toBeGreaterThan(0);
    expect(walked).toBeLessThan(0.5);
  });

  it('passes over one long text whatever its length', () => {
    expect(walkSilently(Buffer.from(`{"a":"${'x'.repeat(16 * 1024 * 1024)}"}`)).walked).toBe(1);
  });
});

function walkSilently(bytes: Buffer): { walked: number } {
  const nothing = () => undefined;
  return { walked: scanJson(bytes, { member: () => 'read', text: nothing, number: nothing, object: nothing }) };
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(stringsIn);
}
