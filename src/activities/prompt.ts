/** Calling somebody whom a rung names. Of several rungs that are due together the highest has the message, which stands for all: where that one
 *  is met before it leaves, the next of them that is still waited for takes its place. */

import type { Company } from '../domain/company.ts';
import { ladderPlansOfSignal } from '../domain/loop.ts';
import { planDelivery, type Delivery } from '../store/records/deliveries.ts';
import { promptsNamedIn } from '../store/records/digests.ts';
import { latestPlans, nextToCall, plansFor } from '../store/records/plans.ts';
import type { Tx } from '../store/pool.ts';
import { insightNow, type InsightNow } from '../store/views/insights.ts';
import { plansOf } from '../store/views/signalReading.ts';
import { signalNow, type SignalNow } from '../store/views/signals.ts';

interface Calling {
  loopId: string;
  round: number;
  staff: string;
  rung: { plan_id: string; step: number; repeat: number; last: boolean };
}

/** One prompt for what is due. The last step goes by both ways, because it must arrive. */
export async function prompt(tx: Tx, company: Company, { loopId, round, staff, rung }: Calling): Promise<void> {
  const first = company.staff[staff]?.prompts ?? 'email';
  for (const channel of rung.last && first === 'slack' ? (['slack', 'email'] as const) : [first]) {
    await planDelivery(tx, {
      key: `prompt:${loopId}:${round}:${rung.plan_id}.${rung.step}.${rung.repeat}:${staff}:${channel}`,
      purpose: 'prompt',
      channel,
      loopId,
      round,
      staff,
      occasion: rung.plan_id,
    });
  }
}

/** The plans that call somebody about a loop now: none where it is in another round by then. `signal`: where it is one. */
export async function plansThatCall(
  tx: Tx,
  company: Company,
  { loop_id: loopId, round, now }: Pick<Delivery, 'loop_id' | 'round' | 'now'>,
  signal: SignalNow | null,
): Promise<readonly string[]> {
  if (signal) return signal.round === round && !signal.closed_at ? plansOfSignal(tx, signal) : [];
  const insight = loopId ? await insightNow(tx, loopId) : null;
  return insight ? plansOfInsight(tx, insight, company, now) : [];
}

/** Each for the fact it was made for, since another telling has a plan of its own. */
function plansOfSignal(tx: Tx, signal: SignalNow): Promise<readonly string[]> {
  return plansFor(tx, { loopId: signal.id, round: signal.round }, ladderPlansOfSignal(signal));
}

/** Whoever makes the number full that it was put off for plans it anew, so it is the latest of each wait that calls. */
function plansOfInsight(tx: Tx, insight: InsightNow, company: Company, now: Date): Promise<readonly string[]> {
  return latestPlans(tx, { loopId: insight.id, round: insight.round }, plansOf(insight, company, now));
}

/** A prompt that calls for nothing any more had stood for other rungs: of those that are still waited for, which are of the plans `running`,
 *  the highest calls instead. */
export async function callInPlaceOf(
  tx: Tx,
  company: Company,
  met: Pick<Delivery, 'id' | 'loop_id' | 'round' | 'staff'>,
  running: readonly string[],
): Promise<void> {
  if (!met.loop_id || met.round === null || !met.staff || running.length === 0) return;
  const next = await nextToCall(tx, { id: met.id, loopId: met.loop_id, staff: met.staff }, running);
  if (next) await prompt(tx, company, { loopId: met.loop_id, round: met.round, staff: next.staff, rung: next });
}

/** The same of each prompt that a digest was to name, which is not named where it is met by then. */
export async function callInPlaceOfNamed(
  tx: Tx,
  company: Company,
  { occasion, now }: Pick<Delivery, 'occasion' | 'now'>,
): Promise<void> {
  for (const named of occasion ? await promptsNamedIn(tx, occasion) : []) {
    const running = await plansThatCall(tx, company, { ...named, now }, await signalNow(tx, named.loop_id));
    if (!running.includes(named.occasion)) await callInPlaceOf(tx, company, named, running);
  }
}
