/** "Let it rest": nothing is sent and nobody acts until it is lifted; the loops wait, and say why. */

import { DomainError } from '../../domain/errors.ts';
import { factRecorded, redrawCards } from '../../store/records/loops.ts';
import { isCustomerErased } from '../../store/records/erased.ts';
import { composeAnew, lockAddresses, lockLoopsOf, signalsOf } from '../../store/records/erasures.ts';
import {
  awaitLastLooks,
  endPromptsAbout,
  holdMessagesTo,
  insightsBehind,
  isRestricted,
  recordRight,
  releaseMessagesTo,
  revivePromptsAbout,
} from '../../store/records/rights.ts';
import type { Tx } from '../../store/pool.ts';
import type { Heed } from '../heed.ts';
import type { By } from './subject.ts';

/** Throws `conflict` when it rests already, and when it has been erased. */
export async function restrict(heed: Heed, customerId: string, { by, reason }: By): Promise<void> {
  await heed.pool.transaction(async (tx) => {
    // What is let go at this moment is gone before this, or is kept because of it.
    await lockAddresses(tx, [customerId]);
    if (await isCustomerErased(tx, customerId))
      throw new DomainError('conflict', 'What was held about them has been erased, so there is nothing to let rest.');
    if (await isRestricted(tx, customerId)) throw new DomainError('conflict', 'It rests already.');
    // As an erasure: whoever records at this moment that a message about them has left is waited for, and so is whoever responds.
    const signals = await signalsOf(tx, customerId);
    const insights = await lockLoopsOf(tx, signals);
    await recordRight(tx, { customerId, kind: 'restriction', by, reason });
    await holdMessagesTo(tx, customerId);
    await endPromptsAbout(tx, customerId);
    // What is being composed at this moment quotes them still.
    await composeAnew(tx, [...signals, ...insights]);
    await wakeLoopsOf(tx, customerId);
  });
  heed.hint();
}

/** Goes on where it stopped: what fell due meanwhile is one message. Throws `conflict` when nothing rests. */
export async function lift(heed: Heed, customerId: string, { by, reason }: By): Promise<void> {
  await heed.pool.transaction(async (tx) => {
    if (!(await isRestricted(tx, customerId))) throw new DomainError('conflict', 'Nothing of theirs rests.');
    await awaitLastLooks(tx, customerId);
    await revivePromptsAbout(tx, customerId);
    await recordRight(tx, { customerId, kind: 'lifting', by, reason });
    await releaseMessagesTo(tx, customerId);
    await wakeLoopsOf(tx, customerId);
  });
  heed.hint();
}

/** Nothing new is true of what they asked for together with others; but its cards quote them, or do so again. */
async function wakeLoopsOf(tx: Tx, customerId: string): Promise<void> {
  for (const id of await signalsOf(tx, customerId)) await factRecorded(tx, id);
  await redrawCards(tx, await insightsBehind(tx, customerId));
}
