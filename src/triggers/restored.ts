/** Our database was put back to an earlier moment: what was sent since is not known any more, and must not be sent again on a guess; and what was
 *  erased since is back, who objected since forgotten, and a key that was revoked since good again, unless a backup that was made later tells of it. */

import { z } from 'zod';
import { readHeader } from '../store/backup.ts';
import { putBack, type PutBack } from '../store/records/epochs.ts';
import { gathered, repeatWishes, type Repeated, type Wishes } from '../store/wishes.ts';
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
  let knownUntil: Date | null = null;
  const told = async function* (): AsyncGenerator<Wishes> {
    for (const file of erasuresFrom) {
      const header = await readHeader(file);
      if (!knownUntil || header.takenAt > knownUntil) knownUntil = header.takenAt;
      yield header;
    }
  };
  const wishes = await gathered(told());
  const { company } = await heed.configuration();
  const repeated = await repeatWishes(heed.pool, company, wishes);
  const done = await heed.pool.transaction((tx) => putBack(tx, { by, reason }));
  heed.hint();
  return { ...done, ...repeated, knownUntil };
}
