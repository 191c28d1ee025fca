/** An operator puts a loop right that our machinery left standing. Never done without a reason, and never in secret: it is part of the timeline. */

import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { factRecorded, lockLoop } from '../../store/records/loops.ts';
import { leaveInDoubt, recordRepair, repairActions, resendInDoubt } from '../../store/records/repairs.ts';
import type { Heed } from '../heed.ts';

export const Repair = z.strictObject({
  /** wake: look at it again · resend: send what may not have been sent · leave: give up on what may have been sent. */
  action: z.enum(repairActions),
  reason: z.string().trim().min(1, 'is needed: why?').max(500, 'must be at most 500 characters'),
});
export type Repair = z.infer<typeof Repair>;

/** `by` is whoever operates Heed, who need not be among the staff. Throws `not_found`, and `conflict` where there is no message in doubt. */
export async function repair(
  heed: Heed,
  { loopId, by }: { loopId: string; by: string },
  { action, reason }: Repair,
): Promise<{ sentence: string; factId: string }> {
  const repaired = await heed.pool.transaction(async (tx) => {
    const { sample } = await lockLoop(tx, loopId);
    if (sample)
      throw new DomainError('conflict', 'This is sample history: nothing waits in it, so there is nothing to repair.');
    const messages =
      action === 'resend' ? await resendInDoubt(tx, loopId) : action === 'leave' ? await leaveInDoubt(tx, loopId) : 0;
    if (action !== 'wake' && messages === 0)
      throw new DomainError(
        'conflict',
        'There is no message of it in doubt. To have it looked at again, use the action “wake”.',
      );
    const factId = await recordRepair(tx, { loopId, action, by, reason });
    await factRecorded(tx, loopId);
    const count = messages === 1 ? 'One message' : `${messages} messages`;
    const sentences = {
      wake: 'It is looked at again within seconds.',
      resend: `${count} will be sent again.`,
      leave: `${count} will be left as ${messages === 1 ? 'it is' : 'they are'}.`,
    };
    return { factId, sentence: sentences[action] };
  });
  heed.hint();
  return repaired;
}
