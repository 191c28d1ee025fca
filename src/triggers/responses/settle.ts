/** A letter may or may not have reached a customer, and nobody can find out: whoever answers for it says what to do. */

import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { promisedIn } from '../../store/records/followUps.ts';
import { hashOf } from '../../store/records/links.ts';
import { wakeWhoWait } from '../../store/records/letters.ts';
import { factRecorded } from '../../store/records/loops.ts';
import {
  inDoubt,
  lastSettled,
  recordRepair,
  settleByHand,
  settleByLink,
  settlements,
  type Settlement as How,
} from '../../store/records/repairs.ts';
import type { SignalNow } from '../../store/views/signals.ts';
import type { Heed } from '../heed.ts';
import { atTime, nameOf, respondToSignal, type Moment, type Responding, type Response } from './respond.ts';
import { whenItLeaves } from './whenItLeaves.ts';

export const Settlement = z.strictObject({
  /** resend: send it again · leave: give it up. */
  action: z.enum(settlements),
  /** Which letter, where more than one is in doubt. */
  letter: z.uuid().optional(),
  reason: z.string().trim().min(1, 'is needed: why?').max(500, 'must be at most 500 characters'),
});
export type Settlement = z.infer<typeof Settlement>;

/** Throws `conflict` when a colleague settled it, when it has turned up, when there is nothing in doubt, and while evidence may still come. */
export function settle(heed: Heed, responding: Responding, { action, letter, reason }: Settlement): Promise<Response> {
  return respondToSignal(heed, responding, async (signal, moment) => {
    const { tx, by } = moment;
    const doubtful = (await inDoubt(tx, signal.id)).filter(({ customer_id: customer }) => customer !== null);
    const [one, another] = doubtful.filter(({ id }) => letter === undefined || id === letter);
    if (!one) throw await nothingInDoubt(moment, signal.id);
    if (another)
      throw new DomainError('validation', 'More than one letter may not have been sent. Say which one you mean.', {
        invalidParams: [{ name: 'letter', reason: 'is needed' }],
      });
    if (one.state !== 'needs_human')
      throw new DomainError(
        'conflict',
        `It may still turn up whether this was sent. If not, you are asked ${atTime(one.not_before, moment)}.`,
      );
    // The customer pressed a link in that very letter since it was looked up.
    if (!(await settleByHand(tx, one.id, action))) throw await nothingInDoubt(moment, signal.id);
    const factId = await recordRepair(tx, { loopId: signal.id, action, by, staff: by, of: one, reason });
    await wakeWhoWait(tx, one);
    if (action === 'leave') return { sentence: 'It is left as it is.', factId };
    const isOver = await promisesWhatIsOver(signal, moment, one.id);
    return {
      sentence: isOver
        ? 'It is not sent again: the day that it promises is over before it could leave. Answer them anew.'
        : 'It is sent again.',
      factId,
    };
  });
}

/** As is found when it would leave (`objectionToLetter`): the cap holds no letter beyond the day that it promises. */
async function promisesWhatIsOver(signal: SignalNow, { tx, company, now }: Moment, letter: string): Promise<boolean> {
  const promised = await promisedIn(tx, letter);
  if (!promised) return false;
  const held = await whenItLeaves(tx, company, signal, now);
  return promised < (held?.by === 'quiet_hours' ? held.until : now);
}

/** A press by a link that stands in one letter alone: had there been doubt about that letter, it has arrived. */
export async function arrived(heed: Heed, token: string): Promise<void> {
  const letter = await heed.pool.transaction(async (tx) => {
    const settled = await settleByLink(tx, hashOf(token));
    if (settled?.loop_id) await factRecorded(tx, settled.loop_id);
    if (settled) await wakeWhoWait(tx, settled);
    return settled;
  });
  if (letter) heed.hint();
}

const done: Record<How, string> = { resend: 'had it sent again', leave: 'left it as it is' };

async function nothingInDoubt(moment: Moment, loopId: string): Promise<DomainError> {
  const last = await lastSettled(moment.tx, loopId);
  if (!last) return new DomainError('conflict', 'There is no letter in doubt here; nothing has to be done.');
  const who = last.staff ? nameOf(moment, last.staff) : last.by;
  return new DomainError('conflict', `${who} ${done[last.action]} ${atTime(last.at, moment)}.`);
}
