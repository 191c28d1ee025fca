/** Our database was put back to an earlier moment: what was sent since is not known any more, and must not be sent again on a guess; and what was
 *  erased since is back, who objected since forgotten, and a key that was revoked since good again, unless a backup that was made later tells of it. */

import { z } from 'zod';
import { DomainError } from '../domain/errors.ts';
import { readHeader } from '../store/backup.ts';
import { relayName } from '../store/connection.ts';
import { sql, type Db } from '../store/pool.ts';
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

/** A slip on a Heed that is at work would put all that is under way in doubt, and end every session. Throws `conflict` while a relay is. */
export async function mustBeStopped(db: Db): Promise<void> {
  const isAtWork = await db.exists(sql.unsafe`
    select from pg_stat_activity where datname = current_database() and application_name like ${`${relayName}%`}`);
  if (isAtWork)
    throw new DomainError(
      'conflict',
      'A relay is at work on this database, so nothing was done. Stop web, worker and relay first. Was nothing put back? Then there is nothing to say.',
    );
}
