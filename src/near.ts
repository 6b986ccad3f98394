/**
 * What somebody likely meant who wrote something else.
 *
 * @module
 */

/**
 * The nearest of some names, if one is near.
 *
 * @param wrong What was written.
 * @param known The names that there are.
 * @returns The first of the nearest; `undefined` if more than a third of it, and more than two letters,
 * would have to change.
 */
export function nearest(wrong: string, known: readonly string[]): string | undefined {
  if (wrong.length > 100) return undefined;
  const [near] = known.map((name) => ({ name, distance: levenshteinDistance(wrong, name) }))
    .filter(({ distance, name }) =>
      distance < wrong.length && distance <= Math.max(2, name.length / 3)
    )
    .toSorted((a, b) => a.distance - b.distance);
  return near?.name;
}

/** How many letters have to be added, removed or replaced. */
function levenshteinDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
