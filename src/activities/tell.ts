/** A decision reaches everyone who asked and everyone who captured it: told, or not, for a recorded reason. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Company } from '../domain/company.ts';
import { longDate } from '../domain/longDate.ts';
import { insightTitle } from '../domain/sameness.ts';
import { extract, quotableAttributes, quotingOf, renderTemplate } from '../domain/template.ts';
import { planDelivery } from '../store/records/deliveries.ts';
import { customerOf } from '../store/records/customers.ts';
import { closeRound, factRecorded, isOpen, lockLoop } from '../store/records/loops.ts';
import { wordsOf } from '../store/records/signals.ts';
import { nameOfStaff } from '../store/records/staff.ts';
import {
  contributorsLeft,
  isPartOf,
  recordTelling,
  recordToldSignal,
  wentByAnothers,
  type Contributor,
} from '../store/records/tellings.ts';
import { decisionById, decisionInForce } from '../store/records/decisions.ts';
import type { Tx } from '../store/pool.ts';
import { insightNow, stageOf, type InsightNow } from '../store/views/insights.ts';
import { signalNow, type SignalNow } from '../store/views/signals.ts';
import type { Hands } from './createActivities.ts';

/** So that one chunk stays well inside a local activity's four seconds. */
const usualChunk = 50;
/** Letters leave ten a second, so writing tellings faster than this would help nobody and take room from what somebody waits for. */
const chunkMs = 2_000;

/** Settles what a chunk of people said about an insight whose decision is final. True while some may be left. */
export async function tell(hands: Hands, insightId: string): Promise<boolean> {
  const began = performance.now();
  const chunk = hands.toldAtOnce ?? usualChunk;
  const { company } = await hands.configuration();
  const insight = await insightNow(hands.pool, insightId);
  if (!insight?.decision_id || insight.sample || insight.outcome === 'deferred') return false;
  const left = await contributorsLeft(hands.pool, insightId, insight.decision_id, chunk);
  for (const contributor of left) {
    const told = await hands.pool.transaction(async (tx) => {
      await lockLoop(tx, contributor.signal_id);
      const { now } = await lockLoop(tx, insightId);
      const decision = await decisionInForce(tx, insightId);
      // Decided anew meanwhile: nobody is told any more what is not true any more, and the new word can still be taken back.
      if (insight.final_at! > now || decision?.id !== insight.decision_id) return false;
      // Moved on meanwhile: they hear what is decided about the other one.
      if (!(await isPartOf(tx, contributor.signal_id, insightId))) return true;
      // Erased or dismissed since they were looked up: fifty of them take a while, and nothing is written to them any more.
      const closed = contributor.closed || (!contributor.sample && !(await isOpen(tx, contributor.signal_id)));
      // The reason as it stands by now: it may have named somebody who was erased.
      const { reason } = decision;
      await tellContributor(tx, { ...contributor, closed }, { ...insight, reason }, { company, now });
      await factRecorded(tx, contributor.signal_id, 'wave');
      return true;
    });
    if (!told) return false;
  }
  const more = new Set(left.map((each) => each.customer_id ?? each.signal_id)).size === chunk;
  if (more) await sleep(Math.max(0, chunkMs - (performance.now() - began)));
  return more;
}

/** Closes an insight whose decision has been told and, if adopted, done. False: something was decided anew meanwhile. */
export async function finish(hands: Hands, insightId: string): Promise<boolean> {
  const { company } = await hands.configuration();
  return hands.pool.transaction(async (tx) => {
    const { now } = await lockLoop(tx, insightId);
    const insight = (await insightNow(tx, insightId))!;
    const stage = stageOf(insight, company, now);
    if (stage === 'closed') return true;
    if (stage !== 'finish') return false;
    const adopted = insight.outcome === 'adopted';
    await closeRound(tx, {
      loopId: insightId,
      round: insight.round,
      how: adopted ? 'completed' : 'declined',
      by: adopted ? insight.completed_by : insight.decided_by,
      reason: 'everyone who asked was told',
    });
    return true;
  });
}

async function tellContributor(
  tx: Tx,
  c: Contributor,
  insight: InsightNow,
  { company, now }: { company: Company; now: Date },
): Promise<void> {
  const decisionId = insight.decision_id!;
  const person = c.captured_by ? company.staff[c.captured_by] : undefined;
  if (c.captured_by && person && !c.sample) {
    const telling = await recordTelling(tx, {
      decisionId,
      signalId: c.signal_id,
      staff: c.captured_by,
      channel: person.prompts,
    });
    if (telling.fresh) {
      await planDelivery(tx, {
        key: `news:${insight.id}:${insight.round}:${decisionId}:${c.captured_by}:${person.prompts}`,
        purpose: 'news',
        channel: person.prompts,
        loopId: c.signal_id,
        round: c.round,
        staff: c.captured_by,
        occasion: decisionId,
      });
    }
  } else if (c.captured_by && !c.sample) {
    await recordTelling(tx, { decisionId, signalId: c.signal_id, staff: c.captured_by, reason: 'left' });
  }

  const whyNot = c.closed ? 'closed' : c.told_before ? 'told_before' : c.reach ? null : (c.unreachable ?? 'nobody');
  if (whyNot || !c.customer_id) {
    await recordToldSignal(tx, { decisionId, signalId: c.signal_id, reason: whyNot ?? 'nobody' });
    return;
  }
  const channel = c.sample ? 'sample' : (c.reach as 'email' | 'phone');
  const telling = await recordTelling(tx, { decisionId, signalId: c.signal_id, customerId: c.customer_id, channel });
  await recordToldSignal(tx, { decisionId, signalId: c.signal_id, tellingId: telling.id });
  if (telling.fresh && channel === 'email') {
    await planDelivery(tx, {
      key: `told:${c.signal_id}:${c.round}:${decisionId}:${c.customer_id}`,
      purpose: 'told',
      channel: 'email',
      loopId: c.signal_id,
      round: c.round,
      customerId: c.customer_id,
      occasion: decisionId,
      body: await wording(tx, { ...c, id: c.signal_id }, insight, { company, now }),
    });
  }
}

/** Where a customer was to hear of a decision by a letter about another remark of theirs, and it was said of that one, before the letter left, that it
 *  was not theirs: of this one they hear by a letter of its own. False where there is none to be written. */
export async function tellByItself(tx: Tx, signal: SignalNow, company: Company): Promise<boolean> {
  const { id, round, reach, told_channel: channel, told_decision_id: decisionId, last_letter_id: letter } = signal;
  const { customer_id: customerId, insight_id: insightId } = signal;
  if (channel !== 'email' || reach !== 'email' || !decisionId || !letter || !customerId || !insightId) return false;
  if (!(await wentByAnothers(tx, letter, id))) return false;
  // Of several that are left one carries the new letter: the others come after it, and see it.
  const { now } = await lockLoop(tx, insightId);
  if ((await signalNow(tx, id))!.last_letter_id !== letter) return true;
  const insight = { ...(await insightNow(tx, insightId))!, ...(await decisionById(tx, decisionId)) };
  const person = await customerOf(tx, customerId);
  return planDelivery(tx, {
    key: `told:${id}:${round}:${decisionId}:${customerId}`,
    purpose: 'told',
    channel,
    loopId: id,
    round,
    customerId,
    occasion: decisionId,
    body: await wording(tx, { ...signal, customer_name: person?.name ?? null }, insight, { company, now }),
  });
}

async function wording(
  tx: Tx,
  c: Pick<SignalNow, 'id' | 'reference' | 'place' | 'kind' | 'captured_by'> & { customer_name: string | null },
  insight: Pick<InsightNow, 'outcome' | 'scope' | 'reason' | 'done_by' | 'decided_by' | 'people'>,
  { company, now }: { company: Company; now: Date },
): Promise<{ subject: string; text: string }> {
  const said = await wordsOf(tx, c.id);
  // What they asked for themselves: the insight is called after whoever asked first, and that may be somebody else's words.
  const of = { place: c.place, kind: c.kind ?? undefined };
  const { item, ...attributes } = quotableAttributes(company, { ...of, attributes: said?.attributes ?? {} });
  const decider = company.staff[insight.decided_by!];
  const words = said && extract(said.words, quotingOf(company, of));
  const fields: Record<string, string | undefined> = {
    company: company.name,
    place: company.places[c.place]?.name ?? c.place,
    reference: c.reference,
    capturer_name: c.captured_by ? (company.staff[c.captured_by]?.name ?? '') : '',
    customer_name: c.customer_name ?? undefined,
    words: words ?? undefined,
    // Without item and attributes the title is only the kind's name, which says nothing to the customer.
    item:
      item || Object.keys(attributes).length > 0
        ? insightTitle(company, { kind: c.kind ?? '', ...(item && { item }), attributes })
        : undefined,
    // Whoever decided it did so under their name, and may have left since.
    signer_name: decider?.name ?? (await nameOfStaff(tx, insight.decided_by!)) ?? company.name,
    signer_title: decider?.title ?? '',
    decider_name: decider?.name,
    decider_title: decider?.title,
    decision_reason: insight.reason!,
    decided_what: insight.scope === 'these' ? 'for everyone who asked' : undefined,
    done_by: insight.done_by ? longDate(insight.done_by, now, company.timezone) : undefined,
    people: String(insight.people),
  };
  const given = Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return renderTemplate(company.templates[insight.outcome === 'adopted' ? 'told.adopted' : 'told.declined'], given);
}
