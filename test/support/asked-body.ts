/** What asking for stream usage may put in the place of what, once, in a request's own text. */
const EDITS = [
  ['', '"stream_options":{"include_usage":true}'],
  ['', '"stream_options":{"include_usage":true},'],
  ['', '"include_usage":true'],
  ['', '"include_usage":true,'],
  ['null', '{"include_usage":true}'],
  ['null', 'true'],
  ['false', 'true'],
] as const;

/** Whether `asked` is `text` with one of the edits made, at one place. */
export function isOneUsageEdit(asked: string, text: string): boolean {
  return EDITS.some(([from, to]) => {
    if (asked.length - to.length !== text.length - from.length) return false;
    for (let at = asked.indexOf(to); at >= 0; at = asked.indexOf(to, at + 1)) {
      if (asked.slice(0, at) + from + asked.slice(at + to.length) === text) return true;
    }
    return false;
  });
}

/** Whether a parsed request leaves it to Metertap to ask for stream usage (wire.md 0.6 to 0.8). */
export function doesNotAsk(request: Readonly<Record<string, unknown>>): boolean {
  const options = request['stream_options'];
  if (request['stream'] !== true) return false;
  if (options === undefined || options === null) return true;
  if (typeof options !== 'object' || Array.isArray(options)) return false;
  const asked = Object.hasOwn(options, 'include_usage') ? Object.entries(options).find(isIncludeUsage)?.[1] : undefined;
  return asked === undefined || asked === null || asked === false;
}

const isIncludeUsage = ([name]: [string, unknown]): boolean => name === 'include_usage';
