/** "Did you mean …?": the known word that a mistyped one most resembles. */

/** The closest of `known`, when it is close enough to have been meant: a third of the letters may differ, or one begins the other. */
export function nearMiss(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const scored = known
    .map((candidate) => ({ candidate, distance: editDistance(lower, candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = scored[0];
  if (!best) return undefined;
  const longer = Math.max(word.length, best.candidate.length);
  if (best.distance <= Math.max(1, Math.floor(longer / 3))) return best.candidate;
  return word.length < 3 ? undefined : known.find((candidate) => candidate.toLowerCase().startsWith(lower));
}

/** Levenshtein, one row at a time; what is long is cut, so that a file of nonsense stays cheap to answer. */
function editDistance(left: string, right: string): number {
  const [a, b] = [left.slice(0, 60), right.slice(0, 60)];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
