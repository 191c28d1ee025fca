/** Calling somebody whom a rung names. Of several rungs that are due together the highest has the message, which stands for all: where that one
 *  is met before it leaves, the next of them that is still waited for takes its place. */

import type { Company } from '../domain/company.ts';
import { ladderPlansOfSignal } from '../domain/loop.ts';
import { resolveRole } from '../domain/routing.ts';
import { planDelivery, type Delivery } from '../store/records/deliveries.ts';
import { promptsNamedIn } from '../store/records/digests.ts';
import { callAfterAll, latestPlans, nextToCall, plansFor, rungOfPrompt } from '../store/records/plans.ts';
import type { Tx } from '../store/pool.ts';
import { insightNow, plansOf, type InsightNow } from '../store/views/insights.ts';
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
 *  the highest calls instead; and so does an earlier prompt to the same person that had given way to it. */
export async function callInPlaceOf(
  tx: Tx,
  company: Company,
  met: Pick<Delivery, 'id' | 'loop_id' | 'round' | 'staff'>,
  running: readonly string[],
  without: string | null = null,
): Promise<void> {
  if (!met.loop_id || met.round === null || !met.staff || running.length === 0) return;
  const of = { id: met.id, loopId: met.loop_id, staff: met.staff };
  if (met.staff !== without) await callAfterAll(tx, of, running);
  const next = await nextToCall(tx, { ...of, without }, running);
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

/** So it is of one that was refused for good by e-mail, after which there is no other way to its person, and of each that a digest which was refused
 *  so was to name: of the others it stood for, the highest calls somebody else. */
export async function callInPlaceOfRefused(tx: Tx, company: Company, refused: Delivery): Promise<void> {
  if (refused.channel !== 'email') return;
  for (const one of await promptsIn(tx, refused)) {
    const signal = one.loop_id ? await signalNow(tx, one.loop_id) : null;
    const running = await plansThatCall(tx, company, { ...one, now: refused.now }, signal);
    await callInPlaceOf(tx, company, one, running, one.staff);
  }
}

/** Whoever a prompt or a digest was for is one of us no longer: whoever has that place by now is called, where it still calls for something. */
export async function callInPlaceOfWhoLeft(tx: Tx, company: Company, left: Delivery): Promise<void> {
  for (const one of await promptsIn(tx, left)) await callWhoStandsIn(tx, company, { ...one, now: left.now });
}

type Prompted = Pick<Delivery, 'id' | 'loop_id' | 'round' | 'staff' | 'occasion'>;

/** A prompt itself, or those that a digest was to name. */
async function promptsIn(tx: Tx, d: Delivery): Promise<readonly Prompted[]> {
  if (d.purpose === 'prompt') return [d];
  return d.purpose === 'digest' && d.occasion ? promptsNamedIn(tx, d.occasion) : [];
}

async function callWhoStandsIn(tx: Tx, company: Company, left: Prompted & Pick<Delivery, 'now'>): Promise<void> {
  const { loop_id: loopId, round } = left;
  if (!loopId || round === null) return;
  const signal = await signalNow(tx, loopId);
  const running = await plansThatCall(tx, company, left, signal);
  if (!running.includes(left.occasion!)) return callInPlaceOf(tx, company, left, running);
  const rung = await rungOfPrompt(tx, left.id);
  const [owner, place] = signal ? [signal.owner, signal.place] : await deciderOf(tx, loopId);
  if (rung)
    await prompt(tx, company, { loopId, round, staff: resolveRole(company, rung.role, { owner, place }), rung });
}

async function deciderOf(tx: Tx, insightId: string): Promise<[string, string]> {
  const { decider, place } = (await insightNow(tx, insightId))!;
  return [decider, place];
}
