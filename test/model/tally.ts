/** What was drawn and came to pass, so that a course of events that never comes to anything is seen. */

export const tally: Record<string, { taken: number; refused: number }> = {};

export function count(what: string, isTaken = true): void {
  const counted = (tally[what] ??= { taken: 0, refused: 0 });
  counted[isTaken ? 'taken' : 'refused'] += 1;
}

export const timesSeen = (what: string): number => tally[what]?.taken ?? 0;
