/** A signal joins an insight: the transaction that joins it is the one that notices that enough people have asked. */

import type { Company } from '../../domain/company.ts';
import type { Tx } from '../pool.ts';
import { momentOf } from './clock.ts';
import { insightNow } from '../views/insights.ts';
import { isAnybodyLeft } from './erasures.ts';
import { joinInsight } from './insights.ts';
import { planWait } from './ladders.ts';
import { closeRound } from './loops.ts';

/** Joins under the insight's lock, which the caller holds. What was deferred until so many people is taken up again once they are there;
 *  an insight that a person has emptied this way, but for what was erased, is closed as joined. False when the signal had joined it before. */
export async function joinSignal(
  tx: Tx,
  j: {
    insightId: string;
    signalId: string;
    by: string | null;
    from?: string | null;
    company: Company;
    configuration: number;
  },
): Promise<boolean> {
  const before = await insightNow(tx, j.insightId);
  if (!(await joinInsight(tx, j.insightId, j.signalId, j.by))) return false;
  const insight = await insightNow(tx, j.insightId);
  const until = insight?.outcome === 'deferred' ? insight.until_people : null;
  // Once, by whoever makes the number full: those who come later find the decider asked already.
  if (insight && before && until && before.people < until && insight.people >= until) {
    await planWait(tx, {
      loopId: insight.id,
      round: insight.round,
      place: insight.place,
      due: { wait: 'decided', ladder: 'deciding', clock: 'customer', occasion: j.signalId, from: await momentOf(tx) },
      company: j.company,
      configuration: j.configuration,
    });
  }
  if (!j.from) return true;
  const left = await insightNow(tx, j.from);
  if (left && !(await isAnybodyLeft(tx, left.id))) {
    await closeRound(tx, {
      loopId: left.id,
      round: left.round,
      how: 'joined',
      ...(j.by ? { by: j.by } : { rule: 'its only signal joined another' }),
    });
  }
  return true;
}
