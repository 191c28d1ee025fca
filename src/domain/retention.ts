/** How long what customers said is kept, counted from when its loop was closed. */

import type { Company } from './company.ts';
import { spanMs, spanText } from './span.ts';

/** Milliseconds that words of this kind are kept after closing; undefined: until somebody asks that they be erased. */
export function wordsKeptMs({ retention }: Company, kind: string): number | undefined {
  const span = retention?.kinds[kind] ?? retention?.words;
  return span && spanMs(span);
}

/** The reason that is recorded: "kept no longer than 730 days". */
export function reasonKept({ retention }: Company, kind: string): string {
  const span = retention?.kinds[kind] ?? retention?.words;
  return span ? `kept no longer than ${spanText(span)}` : 'kept no longer';
}

/** A letter is proof for a month that it said what it said; then only that it was sent. */
const lettersKeptMs = 30 * 86_400_000;

export const lettersKept = ({ retention }: Company): number =>
  (retention?.letters && spanMs(retention.letters)) ?? lettersKeptMs;
