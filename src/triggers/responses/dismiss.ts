/** "There is nothing to do about this, because …": said by a person, told to whoever captured it. */

import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { mayBeDismissed } from '../../domain/loop.ts';
import { closeForgotten, isAnybodyLeft, whyForgotten } from '../../store/records/erasures.ts';
import { closeRound, factRecorded, lockLoop } from '../../store/records/loops.ts';
import type { Tx } from '../../store/pool.ts';
import { insightNow } from '../../store/views/insights.ts';
import type { Heed } from '../heed.ts';
import { tellCapturer } from './news.ts';
import { mustBeOpen, nameOf, respondToSignal, type Responding, type Response } from './respond.ts';

export const Dismissal = z.strictObject({
  reason: z.string().trim().min(1, 'is needed: nothing ends in silence').max(500, 'must be at most 500 characters'),
});
export type Dismissal = z.infer<typeof Dismissal>;

/** Throws `conflict` when the customer has been answered: they have the last word then, and a no of theirs is answered. */
export function dismiss(heed: Heed, responding: Responding, { reason }: Dismissal): Promise<Response> {
  return respondToSignal(heed, responding, async (signal, moment) => {
    const { tx, by } = moment;
    mustBeOpen(signal, moment);
    if (signal.answered_by) {
      throw new DomainError(
        'conflict',
        `${nameOf(moment, signal.answered_by)} has answered the customer, so it can't be dismissed any more.`,
      );
    }
    if (signal.told_channel && signal.told_at)
      throw new DomainError(
        'conflict',
        "The customer has been told what was decided, so it can't be dismissed any more.",
      );
    if (!mayBeDismissed(signal))
      throw new DomainError(
        'conflict',
        "They said that it is not settled, so it can't be dismissed: answer them. It may be our final answer.",
      );
    // Before the prompts that closing ends: whoever takes a decision back locks the insight, and then those.
    if (signal.insight_id) await lockLoop(tx, signal.insight_id);
    await closeRound(tx, { loopId: signal.id, round: signal.round, how: 'dismissed', by, reason });
    if (signal.insight_id) await letGo(tx, signal.insight_id);
    await tellCapturer(moment, signal, 'dismissed');
    return { sentence: 'Dismissed. Whoever captured it is told why.', factId: signal.id };
  });
}

/** Where it was the last that asked for something, nobody is called any more to decide about that. What was decided goes its way. The reason is not
 *  said there: it is about one remark, goes with it, and people of other places read of the insight. Under the insight's lock. */
async function letGo(tx: Tx, insightId: string): Promise<void> {
  const insight = (await insightNow(tx, insightId))!;
  const undecided = !insight.outcome || insight.outcome === 'deferred';
  if (insight.closed_at || !undecided || (await isAnybodyLeft(tx, insightId))) return;
  await closeForgotten(tx, insight, await whyForgotten(tx, insightId));
  await factRecorded(tx, insightId);
}
