/** Our database was put back to an earlier moment: what was sent since is not known any more, and must not be sent again on a guess. */

import { z } from 'zod';
import { putBack, type PutBack } from '../store/records/epochs.ts';
import type { Heed } from './heed.ts';

export const Restoration = z.strictObject({
  reason: z.string().trim().min(1, 'is needed: why, and to which moment?').max(500, 'must be at most 500 characters'),
});

/** Begins an epoch, once for each restoration, before anything that sends is started. `by` is whoever operates Heed. */
export async function restored(heed: Heed, why: { by: string; reason: string }): Promise<PutBack> {
  const done = await heed.pool.transaction((tx) => putBack(tx, why));
  heed.hint();
  return done;
}
