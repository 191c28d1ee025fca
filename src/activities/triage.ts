/** The first stages of a signal: how it is read, what is known around it, which insight it belongs to, and whose it is. */

import { addSpan } from '../domain/calendar.ts';
import type { Company, Verdict } from '../domain/company.ts';
import { newId } from '../domain/ids.ts';
import type { Remark } from '../domain/matching.ts';
import { routeDecider, routeOwner } from '../domain/routing.ts';
import { samenessKey } from '../domain/sameness.ts';
import { extract, quotingOf, renderTemplate } from '../domain/template.ts';
import { triage as judge } from '../domain/triage.ts';
import { momentOf } from '../store/records/clock.ts';
import { customerOf } from '../store/records/customers.ts';
import { planDelivery } from '../store/records/deliveries.ts';
import { followUpOf } from '../store/records/followUps.ts';
import { lockSameness, openInsightFor, recordInsight, takeOverSamples } from '../store/records/insights.ts';
import { joinSignal } from '../store/records/joining.ts';
import { calendarOf } from '../store/records/ladders.ts';
import { closeRound, lockLoop, openLoop } from '../store/records/loops.ts';
import { own } from '../store/records/ownerships.ts';
import { wordsOf } from '../store/records/signals.ts';
import { recordEnrichment, recordTriage } from '../store/records/triages.ts';
import { wake } from '../store/records/wakes.ts';
import type { Tx } from '../store/pool.ts';
import { signalNow, type SignalNow } from '../store/views/signals.ts';
import type { Hands } from './createActivities.ts';

/** Reads a signal by the rules, once. What they dismiss is closed here, with its reason; everybody else who agreed is thanked. */
export async function triage(hands: Hands, signalId: string): Promise<Verdict> {
  const { company, version } = await hands.configuration();
  return hands.pool.transaction(async (tx) => {
    await lockLoop(tx, signalId);
    const signal = (await signalNow(tx, signalId))!;
    if (signal.triage_verdict) return signal.triage_verdict;
    // Erased before it was read: there is nothing to judge, and the story ends.
    if (signal.closed_at) return 'dismiss';
    const judgement = judge(company, await remarkOf(tx, signal));
    await recordTriage(tx, signalId, judgement, version);
    if (judgement.verdict === 'dismiss') {
      await closeRound(tx, {
        loopId: signalId,
        round: signal.round,
        how: 'dismissed',
        rule: judgement.rule,
        reason: judgement.reason ?? judgement.why,
      });
      await tellCapturerOfDismissal(tx, signal, company);
    } else {
      await planReceipt(tx, { ...signal, kind: judgement.kind }, company);
    }
    return judgement.verdict;
  });
}

/** Counts what is known around a signal at this moment. */
export async function enrich(hands: Hands, signalId: string): Promise<void> {
  await hands.pool.transaction(async (tx) => {
    await lockLoop(tx, signalId);
    await recordEnrichment(tx, signalId);
  });
}

/** On the third course a signal joins the open insight of the same kind, item and attributes, or opens one with decider and date. */
export async function joinInsight(hands: Hands, signalId: string): Promise<void> {
  const { company, version } = await hands.configuration();
  await hands.pool.transaction(async (tx) => {
    await lockLoop(tx, signalId);
    const signal = (await signalNow(tx, signalId))!;
    if (signal.course !== 'decide' || signal.insight_id || signal.closed_at) return;
    const remark = await remarkOf(tx, signal);
    const kind = signal.kind ?? 'unclear';
    const { item, ...asked } = { ...remark.attributes, ...(remark.item && { item: remark.item }) } as Record<
      string,
      string
    >;
    const key = samenessKey({ kind, ...(item && { item }), attributes: asked }) ?? `signal:${signalId}`;
    await lockSameness(tx, key);
    const open = await openToJoin(tx, key);
    const insightId =
      open && !open.sample
        ? open.id
        : await openInsight(tx, { signal, remark: { ...remark, kind }, key, company, version });
    if (open?.sample) await takeOverSamples(tx, open.id, insightId);
    await joinSignal(tx, { insightId, signalId, by: null, company, configuration: version });
    await wake(tx, insightId, 'start');
  });
}

/** Gives a signal to the person the routing rules name; whoever has taken or answered it meanwhile keeps it. */
export async function refineOwner(hands: Hands, signalId: string): Promise<void> {
  const { company, version } = await hands.configuration();
  await hands.pool.transaction(async (tx) => {
    await lockLoop(tx, signalId);
    const signal = (await signalNow(tx, signalId))!;
    if (signal.owner_cause !== 'captured' || signal.round > 1) return;
    if (signal.acknowledged_at || signal.answered_by || signal.closed_at) return;
    // A letter that did not arrive has answered nobody; whoever wrote it has it none the less, also where the story begins again.
    const answer = await followUpOf(tx, signalId, signal.round);
    if (answer && answer.channel !== 'none') return;
    const remark = await remarkOf(tx, signal);
    const to = routeOwner(company, { ...remark, ...(signal.kind && { kind: signal.kind }) }, sequenceOf(signalId));
    await own(tx, {
      loopId: signalId,
      round: signal.round,
      staff: to.staff,
      cause: 'routed',
      reason: to.why,
      configuration: version,
    });
  });
}

/** The insight that holds this key, locked: whoever decides it at this moment has either done so, and it can't be joined, or waits. */
async function openToJoin(tx: Tx, key: string): ReturnType<typeof openInsightFor> {
  const open = await openInsightFor(tx, key);
  if (!open) return null;
  await lockLoop(tx, open.id);
  const still = await openInsightFor(tx, key);
  return still?.id === open.id ? open : null;
}

async function openInsight(
  tx: Tx,
  {
    signal,
    remark,
    key,
    company,
    version,
  }: { signal: SignalNow; remark: Remark; key: string; company: Company; version: number },
): Promise<string> {
  const id = newId();
  const to = routeDecider(company, remark);
  await openLoop(tx, { id, kind: 'insight', place: signal.place });
  const now = await momentOf(tx);
  await recordInsight(tx, {
    id,
    kind: remark.kind ?? 'unclear',
    samenessKey: key,
    attributes: { ...remark.attributes, ...(remark.item && { item: remark.item }) },
    decideBy: addSpan(now, to.within, calendarOf(company, company.ladders.deciding, signal.place)),
    configuration: version,
  });
  await own(tx, { loopId: id, round: 1, staff: to.staff, cause: 'opened', reason: to.why, configuration: version });
  return id;
}

async function remarkOf(tx: Tx, signal: SignalNow): Promise<Remark> {
  const said = await wordsOf(tx, signal.id);
  const { item, ...attributes } = said?.attributes ?? {};
  return {
    words: said?.words ?? '',
    place: signal.place,
    attributes,
    ...(signal.kind && { kind: signal.kind }),
    ...(signal.mood && { mood: signal.mood }),
    ...(item && { item }),
    ...(said?.unmet && { unmet: said.unmet }),
    ...(said?.offered && signal.taken && { offered: { item: said.offered, taken: signal.taken } }),
  };
}

async function planReceipt(tx: Tx, signal: SignalNow, company: Company): Promise<void> {
  if (signal.reach !== 'email' || signal.sample) return;
  const said = await wordsOf(tx, signal.id);
  const customer = await customerOf(tx, signal.customer_id!);
  const words =
    said && extract(said.words, quotingOf(company, { place: signal.place, kind: signal.kind ?? undefined }));
  const body = renderTemplate(company.templates.thanks, {
    company: company.name,
    place: company.places[signal.place]?.name ?? signal.place,
    reference: signal.reference,
    capturer_name: signal.captured_by ? (company.staff[signal.captured_by]?.name ?? '') : '',
    ...(customer?.name && { customer_name: customer.name }),
    ...(words && { words }),
    ...(said?.attributes['item'] && { item: said.attributes['item'] }),
  });
  await planDelivery(tx, {
    key: `receipt:${signal.id}:1:capture:${signal.customer_id}`,
    purpose: 'receipt',
    channel: 'email',
    loopId: signal.id,
    round: 1,
    customerId: signal.customer_id!,
    body,
  });
}

async function tellCapturerOfDismissal(tx: Tx, signal: SignalNow, company: Company): Promise<void> {
  const person = signal.captured_by ? company.staff[signal.captured_by] : undefined;
  if (!signal.captured_by || !person || signal.sample) return;
  await planDelivery(tx, {
    key: `news:${signal.id}:${signal.round}:dismissed:${signal.captured_by}:${person.prompts}`,
    purpose: 'news',
    channel: person.prompts,
    loopId: signal.id,
    round: signal.round,
    staff: signal.captured_by,
  });
}

/** A stable number of a signal, for taking turns. */
function sequenceOf(id: string): number {
  return Number.parseInt(id.slice(-6), 16);
}
