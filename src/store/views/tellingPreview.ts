/** Whom a decision would reach, before it is taken: the decider sees it, and decides knowing it. */

import type { Db } from '../pool.ts';
import { contributorsLeft, type Contributor } from '../records/tellings.ts';

export interface TellingPreview {
  /** People (whoever gave no name counts once for every remark): written to, called, or neither. */
  written: number;
  called: number;
  cannot: number;
  /** Why not, as codes, with how many. */
  reasons: Record<string, number>;
  /** How many of those written to or called are sample people, to whom nothing really goes. */
  sample: number;
}

/** Counts as the telling itself will decide it. A person who spoke twice counts once, by the best way to them. */
export async function previewTellings(db: Db, insightId: string): Promise<TellingPreview> {
  const people = new Map<string, { rank: number; way: string; sample: boolean }>();
  for (const contributor of await contributorsLeft(db, insightId, null, 10_000)) {
    const who = contributor.customer_id ?? contributor.signal_id;
    const found = { ...wayTo(contributor), sample: contributor.sample };
    const before = people.get(who);
    if (!before || found.rank < before.rank) people.set(who, found);
  }
  const preview: TellingPreview = { written: 0, called: 0, cannot: 0, reasons: {}, sample: 0 };
  for (const { way, sample } of people.values()) {
    if (way === 'email') preview.written += 1;
    else if (way === 'phone') preview.called += 1;
    else {
      preview.cannot += 1;
      preview.reasons[way] = (preview.reasons[way] ?? 0) + 1;
      continue;
    }
    if (sample) preview.sample += 1;
  }
  return preview;
}

/** In the order in which the telling finds a reason why not. */
function wayTo(c: Contributor): { rank: number; way: string } {
  if (c.closed) return { rank: 3, way: 'closed' };
  if (c.told_before) return { rank: 3, way: 'told_before' };
  if (c.reach === 'email') return { rank: 0, way: 'email' };
  if (c.reach === 'phone') return { rank: 1, way: 'phone' };
  return { rank: 2, way: c.unreachable ?? 'nobody' };
}
