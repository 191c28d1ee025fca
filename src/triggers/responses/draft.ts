/** A first wording for the answer: from the customer's words, who heard them, and what was done. A person changes it and puts their name to it.
 *  Where they call, it is what to say: once it was decided, what was decided. */

import { localDate } from '../../domain/calendar.ts';
import type { Company, TemplateName } from '../../domain/company.ts';
import { DomainError } from '../../domain/errors.ts';
import { zoneOf } from '../../domain/localTime.ts';
import { longDate } from '../../domain/longDate.ts';
import { insightTitle } from '../../domain/sameness.ts';
import { questions } from '../../domain/questions.ts';
import { extract, quotingOf, renderTemplate } from '../../domain/template.ts';
import { decidedAnew } from '../../domain/whatIsNext.ts';
import { momentOf } from '../../store/records/clock.ts';
import { customerOf } from '../../store/records/customers.ts';
import { callOvertaken } from '../../store/records/decisions.ts';
import { followUpOf } from '../../store/records/followUps.ts';
import { wordsOf } from '../../store/records/signals.ts';
import type { Db } from '../../store/pool.ts';
import { insightNow } from '../../store/views/insights.ts';
import { decisionBehind, type Decided } from '../../store/views/messages.ts';
import type { SignalNow } from '../../store/views/signals.ts';
import { atTime, type Moment } from './respond.ts';
import { whenItLeaves } from './whenItLeaves.ts';

export interface Draft {
  subject: string;
  text: string;
  /** A decision to come has a date, so that day (YYYY-MM-DD, in the place's zone) is proposed as the promise, and the text names it. */
  promiseOn?: string;
  /** What may be said with it. In the place of a letter that did not arrive, what that one said of it stands; of a decision there is nothing more
   *  to promise. */
  mayPromise: boolean;
  mayBeFinal: boolean;
}

/** The draft of this round's answer, signed by `by`; or what to say in the call that is owed about a decision. Throws `conflict` while that is not
 *  certain. */
export async function draftAnswer(
  db: Db,
  { company }: { company: Company },
  signal: SignalNow,
  by: string,
): Promise<Draft> {
  const now = await momentOf(db);
  const zone = zoneOf(company, signal.place);
  if (isCallAboutDecision(signal)) await mustBeCertain(db, signal, { now, zone });
  const name: TemplateName =
    signal.owed_by === 'phone'
      ? isCallAboutDecision(signal)
        ? 'call.told'
        : 'call.answer'
      : signal.round > 1
        ? 'answer.again'
        : signal.course
          ? `answer.${signal.course}`
          : 'answer.answer';
  const said = await wordsOf(db, signal.id);
  const customer = signal.customer_id ? await customerOf(db, signal.customer_id) : null;
  const insight = signal.insight_id ? await insightNow(db, signal.insight_id) : null;
  const decision = isCallAboutDecision(signal) ? await decisionBehind(db, signal.told_decision_id!) : null;
  const decider = decision?.by ?? insight?.decider;
  const { item, ...attributes } = said?.attributes ?? {};
  const isAnswer = !isCallAboutDecision(signal);
  const recorded = isAnswer ? await followUpOf(db, signal.id, signal.round) : null;
  const stands = recorded?.promised_on ?? undefined;
  const held = isAnswer ? await whenItLeaves(db, company, signal, now) : undefined;
  const decidedBy = insight && !insight.outcome && signal.round === 1 ? localDate(insight.decide_by, zone) : undefined;
  // What would be over before this can leave is not promised.
  const decideOn = held && decidedBy && decidedBy < localDate(held.until, zone) ? undefined : decidedBy;
  const [mayPromise, mayBeFinal] = [isAnswer && !stands, isAnswer && !recorded && signal.round > 1];
  const promised = dayToCome(stands ?? decideOn, now, zone);
  const promiseOn = mayPromise ? promised : undefined;
  const fields: Record<string, string | undefined> = {
    company: company.name,
    place: company.places[signal.place]?.name ?? signal.place,
    reference: signal.reference,
    capturer_name: signal.captured_by ? (company.staff[signal.captured_by]?.name ?? '') : '',
    customer_name: customer?.name ?? undefined,
    words: said
      ? extract(said.words, quotingOf(company, { place: signal.place, kind: signal.kind ?? undefined }))
      : undefined,
    item:
      item || Object.keys(attributes).length
        ? insightTitle(company, { kind: signal.kind ?? '', ...(item && { item }), attributes })
        : undefined,
    signer_name: company.staff[by]?.name ?? by,
    signer_title: company.staff[by]?.title ?? '',
    promise_date: promised ? longDate(promised, now, zone) : undefined,
    people: insight ? String(insight.people) : undefined,
    decider_name: decider ? company.staff[decider]?.name : undefined,
    decider_title: decider ? company.staff[decider]?.title : undefined,
    decision_reason: decision?.reason ?? insight?.reason ?? '',
    // Letters have a template for yes and one for no. Whoever calls has one for both, and is told here which it is.
    decided_what: decision ? decidedWhat(decision) : undefined,
    done_by: decision?.done_by ? longDate(decision.done_by, now, company.timezone) : undefined,
    question: decision ? questions[decision.outcome === 'declined' ? 'explained' : 'settled'] : undefined,
  };
  return {
    ...renderTemplate(company.templates[name], present(fields)),
    ...(promiseOn && { promiseOn }),
    mayPromise,
    mayBeFinal,
  };
}

/** Whoever is called once it was decided is told so, whether or not they were answered before. */
export const isCallAboutDecision = ({ owed_by: owedBy, told_channel }: SignalNow): boolean =>
  owedBy === 'phone' && told_channel === 'phone';

/** Throws `conflict` while a call is owed about what was decided anew since: whoever has heard the old word would never hear the new one. */
export async function mustBeCertain(db: Db, signal: SignalNow, moment: Pick<Moment, 'now' | 'zone'>): Promise<void> {
  const anew = await callOvertaken(db, signal);
  if (anew) throw new DomainError('conflict', `Wait: ${decidedAnew} ${atTime(anew, moment)}.`);
}

function decidedWhat({ outcome, scope }: Decided): string {
  if (outcome === 'declined') return 'no';
  return scope === 'these' ? 'yes, for everyone who asked' : 'yes';
}

/** A day, unless it is over: then nothing is promised by itself. */
const dayToCome = (day: string | undefined, now: Date, zone: string): string | undefined =>
  day && day >= localDate(now, zone) ? day : undefined;

const present = (fields: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));
