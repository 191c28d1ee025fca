/** An operator puts a loop right that our machinery left standing. Never done without a reason, and never in secret: it is part of the timeline. */

import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { factRecorded, lockLoop } from '../../store/records/loops.ts';
import { inDoubt, recordRepair, repairActions, settleByHand, type Settlement } from '../../store/records/repairs.ts';
import type { Tx } from '../../store/pool.ts';
import type { Heed } from '../heed.ts';
import { wakeWhoWaits } from './settle.ts';

export const Repair = z.strictObject({
  /** wake: look at it again · resend: send what may not have been sent · leave: give up on what may have been sent. */
  action: z.enum(repairActions),
  /** Of several in doubt the one that is meant: its Message-ID. */
  message: z.string().optional(),
  reason: z.string().trim().min(1, 'is needed: why?').max(500, 'must be at most 500 characters'),
});
export type Repair = z.infer<typeof Repair>;

/** `by` is whoever operates Heed, who need not be among the staff, and may know from the mail server's log what nobody else can: nothing has
 *  to be waited for. Throws `not_found`, and `conflict` where there is no message in doubt. */
export async function repair(
  heed: Heed,
  { loopId, by }: { loopId: string; by: string },
  { action, message, reason }: Repair,
): Promise<{ sentence: string; factId: string }> {
  const repaired = await heed.pool.transaction(async (tx) => {
    const { sample } = await lockLoop(tx, loopId);
    if (sample)
      throw new DomainError('conflict', 'This is sample history: nothing waits in it, so there is nothing to repair.');
    const fact = { loopId, by, reason };
    const facts =
      action === 'wake'
        ? [await recordRepair(tx, { ...fact, action })]
        : await settleThose(tx, message, { ...fact, action });
    const factId = facts.at(-1);
    if (!factId)
      throw new DomainError(
        'conflict',
        `${message ? `${message} is no message of it that is in doubt.` : 'There is no message of it in doubt.'} To have it looked at again, use the action “wake”.`,
      );
    await factRecorded(tx, loopId);
    const count = facts.length === 1 ? 'One message' : `${facts.length} messages`;
    const sentences = {
      wake: 'It is looked at again within seconds.',
      resend: `${count} will be sent again.`,
      leave: `${count} will be left as ${facts.length === 1 ? 'it is' : 'they are'}.`,
    };
    return { factId, sentence: sentences[action] };
  });
  heed.hint();
  return repaired;
}

/** Every message of the loop that is in doubt, or the one that is meant, one fact each; none for a letter that has turned up since they were
 *  looked up. */
async function settleThose(
  tx: Tx,
  message: string | undefined,
  fact: { loopId: string; by: string; reason: string; action: Settlement },
): Promise<string[]> {
  const facts: string[] = [];
  for (const one of await inDoubt(tx, fact.loopId)) {
    if (message !== undefined && !message.includes(one.id)) continue;
    if (!(await settleByHand(tx, one.id, fact.action))) continue;
    facts.push(await recordRepair(tx, { ...fact, of: one }));
    await wakeWhoWaits(tx, one);
  }
  return facts;
}
