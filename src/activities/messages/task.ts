/** A loop as a message to staff tells it: read once, drawn as an e-mail, a card or a line that rings. */

import type { Company, LadderName, Quoting } from '../../domain/company.ts';
import { ended } from '../../domain/ended.ts';
import { zoneOf } from '../../domain/localTime.ts';
import { stageOfSignal, type InsightStage, type SignalStage, type Wait } from '../../domain/loop.ts';
import { answerNotArrived } from '../../domain/notArrived.ts';
import type { Question } from '../../domain/questions.ts';
import { resolveRole } from '../../domain/routing.ts';
import { insightTitle } from '../../domain/sameness.ts';
import { spanText } from '../../domain/span.ts';
import { extract, quotingOf } from '../../domain/template.ts';
import { questionSaidTo } from '../../store/records/confirmations.ts';
import { callOvertaken } from '../../store/records/decisions.ts';
import { isAnsweredInVain } from '../../store/records/followUps.ts';
import { rungsAhead } from '../../store/records/plans.ts';
import { insightNow, isPutOff, stageOf, type InsightNow } from '../../store/views/insights.ts';
import { titleInMessages, whatWasSaid, type Call, type Said } from '../../store/views/messages.ts';
import { signalNow, type SignalNow } from '../../store/views/signals.ts';
import { personName, placeName, type Composing } from './composing.ts';
import { dueBy } from './when.ts';

interface Loop {
  id: string;
  reference: string;
  round: number;
  place: string;
  placeName: string;
  zone: string;
  /** Staff code of whoever is answerable. */
  owner: string;
  ownerCause: string;
  ownerReason: string;
  /** Its page. */
  url: string;
  /** In a few words. From what the customer said, unless that may not be quoted. */
  title: string;
  /** What is waited for; nothing while the customer lets it rest. */
  wait: Wait | undefined;
  next: { at: Date; staff: string } | undefined;
}
export type SignalTask = Loop & {
  kind: 'signal';
  stage: SignalStage;
  signal: SignalNow;
  said: Said;
  /** How much of what was said, and who said it, may stand in messages: nothing while the customer lets it rest. */
  quoting: Quoting;
  /** The words, as far as they may be quoted here. */
  quote: string | undefined;
  /** What they were asked at the end of the round before, and said no to; null in the first. */
  saidNoTo: Question | null;
  /** Somebody answered without taking it first, and that did not arrive. */
  notArrived: boolean;
  /** It was decided anew since a call became owed: when it is certain what to say in it. */
  anew: Date | null;
};
export type InsightTask = Loop & { kind: 'insight'; stage: InsightStage; insight: InsightNow };
export type Task = SignalTask | InsightTask;

/** Null when there is no such loop (any more). */
export async function readTask(composing: Composing, loopId: string, now: Date): Promise<Task | null> {
  const { db } = composing;
  const signal = await signalNow(db, loopId);
  if (signal) return signalTask(composing, signal);
  const insight = await insightNow(db, loopId);
  return insight && insightTask(composing, insight, now);
}

async function signalTask(composing: Composing, signal: SignalNow): Promise<SignalTask> {
  const { db, company } = composing;
  const said = await whatWasSaid(db, signal.id);
  const kind = signal.kind ?? undefined;
  const quoting = signal.restricted ? 'link' : quotingOf(company, { place: signal.place, kind });
  const { item, ...attributes } = quoting === 'link' ? {} : said.attributes;
  const stage = stageOfSignal(signal);
  const waits: Partial<Record<SignalStage, Wait>> = {
    review: 'reviewed',
    acknowledge: 'acknowledged',
    answer: 'answered',
    decision: 'told',
    confirmation: 'confirmed',
  };
  const loop = {
    ...pick(signal),
    owner: signal.owner,
    ownerCause: signal.owner_cause,
    ownerReason: signal.owner_reason,
  };
  return {
    ...(await around(composing, loop, 'signals', signal.restricted ? undefined : waits[stage])),
    kind: 'signal',
    stage,
    signal,
    said,
    title: insightTitle(company, { kind: kind ?? '', ...(item && { item }), attributes }) || 'something said',
    saidNoTo: signal.round > 1 ? ((await questionSaidTo(db, signal.id, signal.round - 1)) ?? 'settled') : null,
    quoting,
    quote: said.words === null ? undefined : extract(said.words, quoting),
    notArrived: await isAnsweredInVain(db, signal.id, { stage, round: signal.round }),
    anew: await callOvertaken(db, signal),
  };
}

async function insightTask(composing: Composing, insight: InsightNow, now: Date): Promise<InsightTask> {
  const { company } = composing;
  const stage = stageOf(insight, company, now);
  const waits: Partial<Record<InsightStage, Wait>> = { decide: 'decided', complete: 'completed' };
  const loop = {
    ...pick(insight),
    owner: insight.decider,
    ownerCause: insight.owner_cause,
    ownerReason: insight.decider_reason,
  };
  return {
    ...(await around(composing, loop, 'insights', waits[stage])),
    kind: 'insight',
    stage,
    insight,
    title: await titleInMessages(composing.db, company, insight),
  };
}

const pick = ({ id, reference, round, place }: SignalNow | InsightNow) => ({ id, reference, round, place });

async function around(
  { db, company, publicUrl }: Composing,
  loop: Pick<Loop, 'id' | 'reference' | 'round' | 'place' | 'owner' | 'ownerCause' | 'ownerReason'>,
  path: string,
  wait: Wait | undefined,
): Promise<Omit<Loop, 'title'>> {
  const [next] = wait ? await rungsAhead(db, loop.id, loop.round, [wait]) : [];
  return {
    ...loop,
    placeName: placeName(company, loop.place),
    zone: zoneOf(company, loop.place),
    url: `${publicUrl}/${path}/${loop.id}`,
    wait,
    next:
      next && next.role !== 'nobody' ? { at: next.due_at, staff: resolveRole(company, next.role, loop) } : undefined,
  };
}

/** "You, because outerwear on High Street is yours. Now, because nobody had taken it after 2 working hours." */
export function whyYouWhyNow(
  composing: Composing,
  task: Task,
  { staff, call, now }: { staff: string; call: Call | null; now: Date },
): string {
  const why = task.owner === staff ? whyHolder(task) : whyAbove(composing.company, task, staff, call);
  const you = `You, because ${ended(why)}`;
  return call && isStillSo(task, call, now) ? `${you} Now, because ${whyNow(composing, task, call)}.` : you;
}

/** Why they were called is old news once that wait is met, and while what they were to decide is put off. */
function isStillSo(task: Task, call: Call, now: Date): boolean {
  if (task.kind === 'signal') return call.first || call.wait === task.wait || task.wait === 'acknowledged';
  // What is to be decided, or done, may have to be taken first.
  if (call.wait === 'acknowledged') return !task.insight.acknowledged_at;
  return call.wait === task.wait && !isPutOff(task.insight, now);
}

/** Why somebody handed it over is said in their words; all other reasons complete the sentence. */
const whyHolder = ({ ownerCause, ownerReason }: Task): string =>
  ownerCause === 'handed_over' ? `it was handed over to you: ${ownerReason}` : ownerReason;

/** A rung names a role, and comes to somebody higher where nobody has that: what is true of whoever it came to, before anything else what it was
 *  meant for. */
function whyAbove(company: Company, task: Task, staff: string, call: Call | null): string {
  const { lead } = company.staff[task.owner] ?? {};
  const reasons = [
    { role: 'lead', is: lead === staff, why: `you are the lead of ${personName(company, task.owner)}` },
    { role: 'manager', is: company.places[task.place]?.manager === staff, why: `${task.placeName} is yours` },
    { role: 'executive', is: company.executive === staff, why: 'the ladder ends with you' },
  ].filter(({ is }) => is);
  return (reasons.find(({ role }) => role === call?.role) ?? reasons[0])?.why ?? 'you were told of it';
}

function whyNow({ company, configuration }: Composing, task: Task, call: Call): string {
  // What somebody is given to decide, or to have done, may be due long after they have to take it.
  if (call.first) return justBegun[task.kind === 'insight' ? call.wait : (task.wait ?? call.wait)];
  // The rung counts from when it came to them, and not from the answer.
  if (call.reason === answerNotArrived) return call.reason;
  // How long that was is known only while the ladder is still the one it was planned on.
  const ladder = call.configuration === configuration ? ladderOf[call.wait] : undefined;
  const after = ladder && company.ladders[ladder].rungs[call.step]?.after;
  return after && after.amount > 0 ? `${call.reason} after ${spanText(after)}` : call.reason;
}

const justBegun: Record<Wait, string> = {
  reviewed: 'the rules were not sure what it is',
  acknowledged: 'it has just come to you',
  answered: 'the customer waits for an answer',
  told: 'the customer waits to hear',
  confirmed: 'the customer was asked',
  decided: 'it waits for a decision',
  completed: 'it was to be done by now',
};

const ladderOf: Partial<Record<Wait, LadderName>> = {
  reviewed: 'reviewing',
  acknowledged: 'acknowledging',
  answered: 'answering',
  decided: 'deciding',
  completed: 'completing',
};

/** "If nobody takes it by 13:06, Priya Nair (branch manager) is told." Undefined when nothing follows by itself. */
export function whatIsNext({ company }: Composing, task: Task, staff: string, now: Date): string | undefined {
  if (!task.next || !task.wait) return undefined;
  const { at, staff: next } = task.next;
  const person = company.staff[next];
  const then =
    next === staff
      ? 'you are asked again'
      : `${personName(company, next)}${person ? ` (${person.title})` : ''} is told`;
  return `If ${untilThen[task.wait]} ${dueBy(at, now, task.zone)}, ${then}.`;
}

const untilThen: Record<Wait, string> = {
  reviewed: 'nobody reads it',
  acknowledged: 'nobody takes it',
  answered: 'the customer is not answered',
  told: 'the customer has not been told',
  confirmed: 'they say nothing',
  decided: 'nothing is decided',
  completed: 'nobody says it is done',
};
