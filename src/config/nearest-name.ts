/** Gives the one of `names` that `name` was most likely meant to be, null when none is near enough. */
export function nearestName(name: string, names: readonly string[]): string | null {
  const plain = fold(name);
  const limit = Math.max(1, Math.floor(plain.length / 3));
  let nearest: string | null = null;
  let best = limit + 1;
  for (const candidate of names) {
    const distance = editDistance(plain, fold(candidate));
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

/** `apiKey`, `api-key` and `api_key` are one name to a person. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '');
}

/** The number of letters to insert, remove, replace or swap with their neighbour (optimal string alignment). */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (last[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const cost = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, replaced);
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(swapped ? Math.min(cost, (beforeLast[column - 2] ?? cost) + 1) : cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
