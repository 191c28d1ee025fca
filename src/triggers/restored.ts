/** Our database was put back to an earlier moment: what was sent since is not known any more, and must not be sent again on a guess; and what was
 *  erased since is back, and who objected since forgotten, unless a backup that was made later tells of it. */

import { z } from 'zod';
import { readHeader } from '../store/backup.ts';
import { putBack, type PutBack } from '../store/records/epochs.ts';
import { repeatWishes, type Repeated } from '../store/wishes.ts';
import type { Heed } from './heed.ts';

export const Restoration = z.strictObject({
  reason: z.string().trim().min(1, 'is needed: why, and to which moment?').max(500, 'must be at most 500 characters'),
});

export interface Restored extends PutBack, Repeated {
  /** Until when it is known what people asked, as the latest of the backups says; null without any. */
  knownUntil: Date | null;
}

/** Begins an epoch, once for each restoration, before anything that sends is started. `by` is whoever operates Heed; `erasuresFrom` are backups
 *  from after the moment that was put back. Throws a sentence when one of them can't be read, before anything is done. */
export async function restored(
  heed: Heed,
  { by, reason, erasuresFrom = [] }: { by: string; reason: string; erasuresFrom?: readonly string[] },
): Promise<Restored> {
  const later = await Promise.all(erasuresFrom.map((file) => readHeader(file)));
  const { company } = await heed.configuration();
  const repeated = await repeatWishes(heed.pool, company, later);
  const done = await heed.pool.transaction((tx) => putBack(tx, { by, reason }));
  heed.hint();
  const knownUntil = later.length > 0 ? new Date(Math.max(...later.map(({ takenAt }) => takenAt.getTime()))) : null;
  return { ...done, ...repeated, knownUntil };
}
