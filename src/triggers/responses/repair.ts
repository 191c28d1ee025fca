/** An operator puts a loop right that our machinery left standing. Never done without a reason, and never in secret: it is part of the timeline. */

import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { endDelivery } from '../../store/records/deliveries.ts';
import { wakeWhoWait } from '../../store/records/letters.ts';
import { factRecorded, lockLoop } from '../../store/records/loops.ts';
import { redactionsInVain } from '../../store/records/redactions.ts';
import {
  inDoubt,
  lettersPutOff,
  lettersRefusedToUs,
  recordRepair,
  repairActions,
  settleByHand,
  type RepairAction,
  type Settlement,
} from '../../store/records/repairs.ts';
import type { Tx } from '../../store/pool.ts';
import type { Heed } from '../heed.ts';
import { endAsRefused, giveUp } from './giveUp.ts';

export const Repair = z.strictObject({
  /** wake: look at it again · resend: send what may not have been sent · leave: give up on what may have been sent, does not leave, or is not
   *  taken back. */
  action: z.enum(repairActions),
  /** Of several the one that is meant: its Message-ID. */
  message: z.string().optional(),
  reason: z.string().trim().min(1, 'is needed: why?').max(500, 'must be at most 500 characters'),
});
export type Repair = z.infer<typeof Repair>;

/** `by` is whoever operates Heed, who need not be among the staff, and may know from the mail server's log what nobody else can: nothing has
 *  to be waited for. What is in doubt is settled first; what is still tried is given up only where nothing is. Throws `not_found`, and
 *  `conflict` where there is neither; `validation` where a message is named to be woken. */
export async function repair(
  heed: Heed,
  { loopId, by }: { loopId: string; by: string },
  { action, message, reason }: Repair,
): Promise<{ sentence: string; factId: string }> {
  if (action === 'wake' && message !== undefined)
    throw new DomainError(
      'validation',
      'To wake is about the whole loop. Leave --message out, or say resend or leave.',
    );
  const { company } = await heed.configuration();
  const fact = { loopId, by, reason };
  const repaired = await heed.pool.transaction(async (tx) => {
    const doubtful = (await inDoubt(tx, loopId)).filter(isMeant(message));
    const putOff =
      action === 'leave' && doubtful.length === 0 ? (await lettersPutOff(tx, loopId)).filter(isMeant(message)) : [];
    if (putOff.length > 0) return said(await giveUp(tx, company, putOff, fact), givenUp);
    const { sample } = await lockLoop(tx, loopId);
    if (sample)
      throw new DomainError('conflict', 'This is sample history: nothing waits in it, so there is nothing to repair.');
    const facts =
      action === 'wake'
        ? [await recordRepair(tx, { ...fact, action })]
        : await settleThose(tx, message, { ...fact, action });
    const standing = action === 'leave' && facts.length === 0 ? await leaveStanding(tx, message, fact) : [];
    // What is said of us is said of every letter, so the one that is given up all the same has to be named.
    const [refused] =
      facts.length + standing.length === 0 && action === 'leave' && message !== undefined
        ? (await lettersRefusedToUs(tx, loopId)).filter(isMeant(message))
        : [];
    if (facts.length + standing.length === 0 && !refused) throw nothingToSettle(action, message);
    if (refused) facts.push(await endAsRefused(tx, company, refused, fact));
    await factRecorded(tx, loopId);
    return standing.length > 0 ? said(standing, leftStanding) : said(facts, refused ? ended : sentences[action]);
  });
  heed.hint();
  return repaired;
}

const said = (facts: readonly string[], sentence: (count: number) => string) => ({
  factId: facts.at(-1)!,
  sentence: sentence(facts.length),
});

const messages = (count: number): string => (count === 1 ? 'One message' : `${count} messages`);
const sentences: Record<RepairAction, (count: number) => string> = {
  wake: () => 'It is looked at again within seconds.',
  resend: (count) => `${messages(count)} will be sent again.`,
  leave: (count) => `${messages(count)} will be left as ${count === 1 ? 'it is' : 'they are'}.`,
};
const givenUp = (count: number): string =>
  `${count === 1 ? 'One letter is' : `${count} letters are`} given up, and nothing more goes to that address. Whoever answers for it is told.`;
const leftStanding = (count: number): string =>
  `${messages(count)} will be left where ${count === 1 ? 'it stands' : 'they stand'}, and not be taken back.`;

const ended = (): string => 'That letter is given up, and no other. Whoever answers for it is told.';

/** Its Message-ID names it by its id. */
const isMeant =
  (message: string | undefined) =>
  ({ id }: { id: string }): boolean =>
    message === undefined || message.includes(id);

const nothingToSettle = (action: RepairAction, message: string | undefined): DomainError =>
  new DomainError(
    'conflict',
    `There is ${message ? 'no such message' : 'no message'} of it in doubt${action === 'leave' ? ', no letter that the mail server has put off for an hour, and nothing that Slack has refused to take back for as long' : ''}. To have it looked at again, use the action “wake”.`,
  );

/** Every message of the loop that is in doubt, or the one that is meant, one fact each; none for a letter that has turned up since they were
 *  looked up. */
async function settleThose(
  tx: Tx,
  message: string | undefined,
  fact: { loopId: string; by: string; reason: string; action: Settlement },
): Promise<string[]> {
  const facts: string[] = [];
  for (const one of (await inDoubt(tx, fact.loopId)).filter(isMeant(message))) {
    if (!(await settleByHand(tx, one.id, fact.action))) continue;
    facts.push(await recordRepair(tx, { ...fact, of: one }));
    await wakeWhoWait(tx, one);
  }
  return facts;
}

/** Every message about what was erased that Slack has refused to take back for an hour, or the one that is meant, one fact each. */
async function leaveStanding(
  tx: Tx,
  message: string | undefined,
  fact: { loopId: string; by: string; reason: string },
): Promise<string[]> {
  const facts: string[] = [];
  for (const one of (await redactionsInVain(tx, fact.loopId)).filter(isMeant(message))) {
    await endDelivery(tx, one.id, 'failed', 'left_by_hand');
    facts.push(await recordRepair(tx, { ...fact, action: 'leave', of: one }));
  }
  return facts;
}
