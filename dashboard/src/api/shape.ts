/** Reads a value that came from elsewhere; throws where it is not what was expected, and says where. */
export type Shape<Value> = (value: unknown, at: string) => Value;
export type Shaped<Of> = Of extends Shape<infer Value> ? Value : never;

/** An answer that is not what its documentation says. */
export class ShapeError extends Error {}

function wrong(at: string, expected: string): ShapeError {
  return new ShapeError(`The answer has no ${expected} at ${at}.`);
}

export const text: Shape<string> = (value, at) => {
  if (typeof value === 'string') return value;
  throw wrong(at, 'text');
};

export const number: Shape<number> = (value, at) => {
  if (typeof value === 'number') return value;
  throw wrong(at, 'number');
};

export const flag: Shape<boolean> = (value, at) => {
  if (typeof value === 'boolean') return value;
  throw wrong(at, 'true or false');
};

export const anything: Shape<unknown> = (value) => value;

export function maybe<Value>(shape: Shape<Value>): Shape<Value | null> {
  return (value, at) => (value === null || value === undefined ? null : shape(value, at));
}

export function list<Value>(shape: Shape<Value>): Shape<readonly Value[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw wrong(at, 'list');
    return value.map((item, index) => shape(item, `${at}[${index}]`));
  };
}

export function dictionary<Value>(shape: Shape<Value>): Shape<Readonly<Record<string, Value>>> {
  return (value, at) => {
    if (typeof value !== 'object' || value === null) throw wrong(at, 'object');
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shape(item, `${at}.${name}`)]));
  };
}

type ShapedMembers<Members extends Record<string, Shape<unknown>>> = {
  readonly [Name in keyof Members]: Shaped<Members[Name]>;
};

/** An object with these members; others are left out. */
export function object<Members extends Record<string, Shape<unknown>>>(
  members: Members,
): Shape<ShapedMembers<Members>> {
  return (value, at) => {
    if (typeof value !== 'object' || value === null) throw wrong(at, 'object');
    const read = new Map<string, unknown>();
    for (const [name, shape] of Object.entries(members))
      read.set(name, shape(Reflect.get(value, name), `${at}.${name}`));
    const shaped: unknown = Object.fromEntries(read);
    if (!hasMembers(shaped, members)) throw wrong(at, 'object');
    return shaped;
  };
}

/** True of what was put together from the members' own shapes, which the compiler cannot follow through a loop. */
function hasMembers<Members extends Record<string, Shape<unknown>>>(
  value: unknown,
  members: Members,
): value is ShapedMembers<Members> {
  return (
    typeof value === 'object' && value !== null && Object.keys(members).every((name) => Object.hasOwn(value, name))
  );
}
