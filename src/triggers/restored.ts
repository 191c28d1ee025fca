/** Our database was put back to an earlier moment: what was sent since is not known any more, and must not be sent again on a guess. */

import { z } from 'zod';
import { beginEpoch, doubtEarlierEpochs } from '../store/records/epochs.ts';
import { wakeAllOpen } from '../store/records/wakes.ts';
import type { Heed } from './heed.ts';

export const Restoration = z.strictObject({
  reason: z.string().trim().min(1, 'is needed: why, and to which moment?').max(500, 'must be at most 500 characters'),
});

export interface Restored {
  epoch: number;
  /** In doubt from now on: letters to customers, and messages in all. */
  letters: number;
  messages: number;
  /** Open loops that were woken. */
  loops: number;
}

/** Begins an epoch, once for each restoration, before anything that sends is started. `by` is whoever operates Heed. */
export async function restored(heed: Heed, { by, reason }: { by: string; reason: string }): Promise<Restored> {
  const done = await heed.pool.transaction(async (tx) => {
    const epoch = await beginEpoch(tx, { by, reason });
    const doubted = await doubtEarlierEpochs(tx);
    return { epoch, ...doubted, loops: await wakeAllOpen(tx, { anew: true }) };
  });
  heed.hint();
  return done;
}
