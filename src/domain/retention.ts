/** How long what customers said is kept, counted from when its loop was closed. */

import type { Company } from './company.ts';
import { spanMs, spanText, type Span } from './span.ts';

/** Milliseconds that words are kept after closing, those of single kinds and all others; null: until somebody asks that they be erased. */
export const allWordsKept = ({ retention }: Company): { kinds: Record<string, number>; others: number | null } => ({
  kinds: Object.fromEntries(Object.entries(retention?.kinds ?? {}).map(([kind, span]) => [kind, spanMs(span)!])),
  others: retention?.words ? spanMs(retention.words)! : null,
});

/** The reason that is recorded: "kept no longer than 730 days". */
export function reasonKept(company: Company, kind: string): string {
  const span = wordsKept(company, kind);
  return span ? `kept no longer than ${spanText(span)}` : 'kept no longer';
}

const wordsKept = ({ retention }: Company, kind: string): Span | undefined =>
  retention?.kinds[kind] ?? retention?.words;

/** A letter is proof for a month that it said what it said; then only that it was sent. */
const usualForLetters: Span = { amount: 30, unit: 'd' };

export const lettersKept = ({ retention }: Company): number => spanMs(retention?.letters ?? usualForLetters)!;

/** What another company file changes of it: "words 730 days → 90 days". */
export function changesOfRetention(before: Company, after: Company): string[] {
  const kinds = [...new Set([before, after].flatMap(({ retention }) => Object.keys(retention?.kinds ?? {})))];
  const keptBy = (company: Company): [string, string][] => [
    ['words', inWords(company.retention?.words)],
    ...kinds.map((kind): [string, string] => [`kinds.${kind}`, inWords(wordsKept(company, kind))]),
    ['letters', inWords(company.retention?.letters ?? usualForLetters)],
  ];
  const was = new Map(keptBy(before));
  return keptBy(after)
    .filter(([what, is]) => is !== was.get(what))
    .map(([what, is]) => `${what} ${was.get(what)} → ${is}`);
}

const inWords = (span: Span | undefined): string => (span ? spanText(span) : 'until somebody asks');
