// The known name that an unknown one was probably meant to be: the nearest by Damerau-Levenshtein distance
// (letters inserted, removed, replaced, or two neighbours swapped), where a difference of case costs little.
// Suggests nothing rather than something far away.

/** Names longer than this are not compared: the cost grows with the square, and they are no typing slips. */
const LENGTH_MAX = 64;

const CASE_COST = 0.1;

function letterCost(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  return a?.toLowerCase() === b?.toLowerCase() ? CASE_COST : 1;
}

/** Optimal string alignment distance with cheap differences of case. */
export function distance(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = letterCost(a[i - 1], b[j - 2]) + letterCost(a[i - 2], b[j - 1]);
      const swapped = i > 1 && j > 1 && swap < 1 ? (older[j - 2] ?? 0) + 1 + swap : Number.POSITIVE_INFINITY;
      const replaced = (previous[j - 1] ?? 0) + letterCost(a[i - 1], b[j - 1]);
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced, swapped));
    }
    older = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** The nearest of the names, if it is near enough to be what was meant: a third of the letters may differ. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  if (word.length > LENGTH_MAX) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 0.99;
  for (const name of names) {
    if (Math.abs(name.length - word.length) > bestDistance || name.length > LENGTH_MAX) continue;
    const found = distance(word, name);
    if (found < bestDistance) {
      best = name;
      bestDistance = found;
    }
  }
  return best;
}

/** `Did you mean "x"? ` with a space behind it, or nothing. */
export function suggestion(
  word: string,
  names: readonly string[],
  quote: (name: string) => string = (name) => `"${name}"`,
): string {
  const name = nearest(word, names);
  return name === undefined ? '' : `Did you mean ${quote(name)}? `;
}
