/** An operator puts a loop right that our machinery left standing. Never done without a reason, and never in secret: it is part of the timeline. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import { DomainError } from '../../domain/errors.ts';
import { endDelivery } from '../../store/records/deliveries.ts';
import { wakeWhoWait } from '../../store/records/letters.ts';
import { factRecorded, lockLoop } from '../../store/records/loops.ts';
import { redactionsInVain } from '../../store/records/redactions.ts';
import {
  inDoubt,
  lettersPutOff,
  recordRepair,
  repairActions,
  settleByHand,
  triedInVain,
  type RepairAction,
  type Settlement,
} from '../../store/records/repairs.ts';
import type { Tx } from '../../store/pool.ts';
import type { Heed } from '../heed.ts';
import { giveUp, giveUpAlone } from './giveUp.ts';

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
 *  to be waited for. What is in doubt is settled first; what is still tried is given up only where nothing is. `loopId` is null where the message that
 *  is named is about none. Throws `not_found`, and `conflict` where there is neither; `validation` where a message is named to be woken. */
export async function repair(
  heed: Heed,
  { loopId, by }: { loopId: string | null; by: string },
  { action, message, reason }: Repair,
): Promise<Said> {
  if (action === 'wake' && message !== undefined)
    throw new DomainError(
      'validation',
      'To wake is about the whole loop. Leave --message out, or say resend or leave.',
    );
  const { company } = await heed.configuration();
  const repaired = await heed.pool.transaction((tx) =>
    loopId === null
      ? putRight(tx, company, { action, message }, { loopId, by, reason })
      : repairLoop(tx, company, { action, message }, { loopId, by, reason }),
  );
  heed.hint();
  return repaired;
}

type Asked = { action: RepairAction; message: string | undefined };
type Fact = { loopId: string | null; by: string; reason: string };

async function repairLoop(tx: Tx, company: Company, asked: Asked, fact: Fact & { loopId: string }): Promise<Said> {
  const { loopId } = fact;
  const { action, message } = asked;
  const doubtful = (await inDoubt(tx, loopId)).filter(isMeant(message));
  const putOff =
    action === 'leave' && doubtful.length === 0 ? (await lettersPutOff(tx, loopId)).filter(isMeant(message)) : [];
  if (putOff.length > 0) return said(await giveUp(tx, company, putOff, fact), givenUp);
  const { sample } = await lockLoop(tx, loopId);
  if (sample)
    throw new DomainError('conflict', 'This is sample history: nothing waits in it, so there is nothing to repair.');
  const repaired = await putRight(tx, company, asked, fact);
  await factRecorded(tx, loopId);
  return repaired;
}

async function putRight(tx: Tx, company: Company, { action, message }: Asked, fact: Fact): Promise<Said> {
  if (action === 'wake') return said([await recordRepair(tx, { ...fact, action })], sentences[action]);
  const facts = await settleThose(tx, message, { ...fact, action });
  if (facts.length > 0) return said(facts, sentences[action]);
  const standing = action === 'leave' ? await leaveStanding(tx, message, fact) : [];
  if (standing.length > 0) return said(standing, leftStanding);
  const alone = action === 'leave' ? await giveUpNamed(tx, company, message, fact) : [];
  if (alone.length > 0) return said(alone, ended);
  throw nothingToSettle(action, message);
}

type Said = { factId: string; sentence: string };

const said = (facts: readonly string[], sentence: (count: number) => string): Said => ({
  factId: facts.at(-1)!,
  sentence: sentence(facts.length),
});

const messages = (count: number): string => (count === 1 ? 'One message' : `${count} messages`);
const sentences: Record<RepairAction, (count: number) => string> = {
  wake: () => 'It is looked at again within seconds.',
  resend: (count) =>
    `${messages(count)} will be sent again, unless ${count === 1 ? 'it is' : 'they are'} out of date by then: the page of the signal says so.`,
  leave: (count) => `${messages(count)} will be left as ${count === 1 ? 'it is' : 'they are'}.`,
};
const givenUp = (count: number): string =>
  `${count === 1 ? 'One letter is' : `${count} letters are`} given up, and nothing more goes to that address. Whoever answers for it is told.`;
const leftStanding = (count: number): string =>
  `${messages(count)} will be left where ${count === 1 ? 'it stands' : 'they stand'}, and not be taken back.`;

const ended = (): string =>
  'That message is given up, and no other. Whoever answers for a letter to a customer is told.';

/** Its Message-ID names it by its id. */
const isMeant =
  (message: string | undefined) =>
  ({ id }: { id: string }): boolean =>
    message === undefined || message.includes(id);

const nothingToSettle = (action: RepairAction, message: string | undefined): DomainError => {
  const left = message
    ? ', and it has not been tried for an hour'
    : ', no letter to a customer that the mail server has put off for an hour, and nothing that Slack has refused to take back for as long. What else has been tried for an hour has to be named: --message';
  return new DomainError(
    'conflict',
    `There is ${message ? 'no such message' : 'no message'} of it in doubt${action === 'leave' ? left : ''}. To have it looked at again, use the action “wake”.`,
  );
};

/** Every message of the loop that is in doubt, or the one that is meant, one fact each; none for a letter that has turned up since they were
 *  looked up. */
async function settleThose(
  tx: Tx,
  message: string | undefined,
  fact: Fact & { action: Settlement },
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
async function leaveStanding(tx: Tx, message: string | undefined, fact: Fact): Promise<string[]> {
  const facts: string[] = [];
  for (const one of (await redactionsInVain(tx, fact.loopId)).filter(isMeant(message))) {
    await endDelivery(tx, one.id, 'failed', 'left_by_hand');
    facts.push(await recordRepair(tx, { ...fact, action: 'leave', of: one }));
  }
  return facts;
}

/** What else has been tried for an hour: what keeps one from leaving mostly keeps them all, so the one that is given up all the same has to be named. */
async function giveUpNamed(tx: Tx, company: Company, message: string | undefined, fact: Fact): Promise<string[]> {
  if (message === undefined) return [];
  const [alone] = (await triedInVain(tx, fact.loopId)).filter(isMeant(message));
  return alone ? [await giveUpAlone(tx, company, alone, fact)] : [];
}
