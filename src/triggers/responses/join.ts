/** "This belongs to that": the owner joins a signal to an insight that is merely similar. Being told a stranger's decision would be worse. */

import { z } from 'zod';
import { maySeeInsight } from '../../domain/entitlement.ts';
import { DomainError } from '../../domain/errors.ts';
import { lockLoop } from '../../store/records/loops.ts';
import { freeSameness } from '../../store/records/insights.ts';
import { joinSignal } from '../../store/records/joining.ts';
import { wake } from '../../store/records/wakes.ts';
import { toldByLadder } from '../../store/records/plans.ts';
import { insightNow, type InsightNow } from '../../store/views/insights.ts';
import { placesOfLoop } from '../../store/views/sight.ts';
import { similarInsights } from '../../store/views/similar.ts';
import type { Heed } from '../heed.ts';
import { mustBeOpen, respondToSignal, type Moment, type Responding, type Response } from './respond.ts';

export const Joining = z.strictObject({ insight: z.uuid() });
export type Joining = z.infer<typeof Joining>;

/** Throws `conflict` when that insight has been decided, when the signal was moved on from it, when its customer has been told another decision
 *  or is to be called about one, or when there is nothing to decide about it; `not_found` where it is neither seen by them nor offered to them. */
export function join(heed: Heed, responding: Responding, { insight: insightId }: Joining): Promise<Response> {
  return respondToSignal(heed, responding, async (signal, moment) => {
    const { tx, by, company, version } = moment;
    mustBeOpen(signal, moment);
    if (signal.told_at || signal.round > 1)
      throw new DomainError(
        'conflict',
        'This customer has been told what was decided; they are not told another decision on top of it.',
      );
    if (signal.telling_id)
      throw new DomainError(
        'conflict',
        'This customer is still to be called about what was decided. Call them; they are not told another decision on top of it.',
      );
    if (signal.course !== 'decide')
      throw new DomainError(
        'conflict',
        'Nothing is decided about this one, so it can’t be part of that: its customer is answered, not told.',
      );
    if (signal.insight_id === insightId) return { sentence: 'It is part of that already.', factId: null };
    for (const id of [insightId, signal.insight_id].filter((id) => id !== null).sort()) await lockLoop(tx, id);
    const insight = await insightNow(tx, insightId);
    if (!insight || insight.sample || !(await isOffered(moment, signal.id, insight)))
      throw new DomainError('not_found', 'There is nothing here under that address.');
    if (!insight.open_to_join)
      throw new DomainError('conflict', 'That was decided a while ago; what comes now opens a new one.');
    const joined = await joinSignal(tx, {
      insightId,
      signalId: signal.id,
      by,
      from: signal.insight_id,
      company,
      configuration: version,
    });
    // Facts stay as they were recorded, and this joining is one of them: it can't become the latest again.
    if (!joined)
      throw new DomainError(
        'conflict',
        'It was part of that before and has been moved on since, so it can’t be moved back. Leave it where it is, or move it to another.',
      );
    await wake(tx, insightId, 'response');
    if (signal.insight_id) {
      const left = await insightNow(tx, signal.insight_id);
      if (left?.closed_at) await freeSameness(tx, left.id);
      await wake(tx, signal.insight_id, 'response');
    }
    return { sentence: `Joined. ${insight.people} others said so too.`, factId: signal.id };
  });
}

/** Whatever they see; and what is similar all over the company, which is offered by what is asked for alone. */
async function isOffered({ tx, company, by }: Moment, signalId: string, insight: InsightNow): Promise<boolean> {
  const told = await toldByLadder(tx, insight.id, insight.round);
  const places = (await placesOfLoop(tx, insight.id))?.places ?? [];
  if (maySeeInsight(company, by, { decider: insight.decider, told, places })) return true;
  return (await similarInsights(tx, signalId, [])).some(({ id }) => id === insight.id);
}
