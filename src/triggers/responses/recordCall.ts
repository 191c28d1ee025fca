/** A call to a customer who wants to be called: reached, not reached, or somebody else's number. */

import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { isDate } from '../../domain/calendar.ts';
import { callThatTold, recordCall as recordCallFact } from '../../store/records/followUps.ts';
import { factRecorded } from '../../store/records/loops.ts';
import { signalsToldThrough } from '../../store/records/tellings.ts';
import type { Tx } from '../../store/pool.ts';
import type { SignalNow } from '../../store/views/signals.ts';
import type { Heed } from '../heed.ts';
import { mustBeAnswerable, recordAnswer } from './approveFollowUp.ts';
import { mustBeCertain } from './draft.ts';
import { beforeYou, mustBeOpen, nameOf, respondToSignal, type Responding, type Response } from './respond.ts';

export const Call = z.strictObject({
  outcome: z.enum(['reached', 'no_reply', 'wrong_number']),
  promiseOn: z.string().refine(isDate, 'must be a date like 2026-06-18').optional(),
  final: z.boolean().optional(),
});
export type Call = z.infer<typeof Call>;

/** The call that reaches them is the answer, or tells them the decision, for all that they said about it; where a letter was owed, nobody writes them
 *  the same. Not reached: it stays owed. Throws `conflict` when they did not agree to a call, somebody has answered or told them, no way to them
 *  is left, or it was decided anew and what to tell them is not certain yet. */
export function recordCall(heed: Heed, responding: Responding, { outcome, promiseOn, final }: Call): Promise<Response> {
  return respondToSignal(heed, responding, async (signal, moment) => {
    const { tx, by } = moment;
    mustBeOpen(signal, moment);
    const told = signal.told_channel === 'phone' ? await callThatTold(tx, signal) : null;
    if (told)
      throw new DomainError('conflict', `${nameOf(moment, told.by)} called them ${beforeYou(told.called_at, moment)}.`);
    const purpose = signal.told_channel === 'phone' ? 'told' : 'answer';
    await mustBeCertain(tx, signal, moment);
    if (purpose === 'answer') mustBeAnswerable(signal, moment, final);
    if (!signal.reach && purpose === 'told')
      throw new DomainError(
        'conflict',
        'This customer can’t be called about it any more: no way to them is left. It is closed by itself.',
      );
    // Where a letter is owed they may have been called all the same: it was a call until somebody vouched for their address.
    if (!signal.may_be_called && purpose === 'answer')
      throw new DomainError('conflict', 'This customer agreed to a letter, not to a call. Write to them.');
    const factId = await recordCallFact(tx, { loopId: signal.id, round: signal.round, purpose, outcome, by });
    if (purpose === 'told' && outcome === 'reached') await tellThemForAll(tx, signal);
    if (outcome === 'no_reply') return { sentence: 'Noted. It stays with you: try again later.', factId };
    if (outcome === 'wrong_number' && purpose === 'answer' && signal.owed_by !== 'phone')
      return { sentence: 'Noted: that number is somebody else’s. Write to them.', factId };
    if (purpose === 'answer') await recordAnswer(signal, moment, 'phone', { promiseOn, final });
    return {
      sentence:
        outcome === 'reached' ? 'Noted. They have heard it from you.' : 'Noted: that number is somebody else’s.',
      factId,
    };
  });
}

/** Whoever spoke twice is called once: their other signals look again. */
async function tellThemForAll(tx: Tx, { told_decision_id, customer_id }: SignalNow): Promise<void> {
  for (const id of await signalsToldThrough(tx, told_decision_id!, customer_id!)) await factRecorded(tx, id);
}
