/**
 * Tells whether a model's name matches an exact name or a glob, in which `*` stands for any text, none included.
 * Written out, because a regular expression with many stars can be made to run for minutes.
 */
export function matchesModel(pattern: string, model: string): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let starAt = 0;
  while (at < model.length) {
    if (pattern[next] === '*') {
      star = next++;
      starAt = at;
    } else if (pattern[next] === model[at]) {
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

export function isExactModel(pattern: string): boolean {
  return !pattern.includes('*');
}
