/**
 * Tells whether a name matches an exact name or a glob, in which `*` stands for any text, none included.
 * Written out, because a regular expression with many stars can be made to run for minutes.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let starAt = 0;
  while (at < name.length) {
    if (pattern[next] === '*') {
      star = next++;
      starAt = at;
    } else if (pattern[next] === name[at]) {
      next++;
      at++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (pattern[next] === '*') next++;
  return next === pattern.length;
}
