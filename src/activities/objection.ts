/** Why a message must not leave at this moment: asked when it would, with what is true by then. Of a letter the rules are in domain/objection.ts. */

import { usualAttention, type Company } from '../domain/company.ts';
import { stageOfSignal } from '../domain/loop.ts';
import { objectionToLetter, type Objection } from '../domain/objection.ts';
import { spanMs } from '../domain/span.ts';
import { lockCustomer } from '../store/records/customers.ts';
import { callOvertaken, decisionOvertaking } from '../store/records/decisions.ts';
import { laterPrompt, lettersLeft, type Delivery } from '../store/records/deliveries.ts';
import { bundle, isOneTooMany } from '../store/records/digests.ts';
import { hadPromised, promisedIn } from '../store/records/followUps.ts';
import { calendarOf } from '../store/records/ladders.ts';
import { stoppedForMs } from '../store/records/sendingOrders.ts';
import { isGivenAway } from '../store/records/ownerships.ts';
import { askInPlaceOf, isAboutPromise } from '../store/records/repairs.ts';
import { isPromised } from '../store/records/tellings.ts';
import type { Tx } from '../store/pool.ts';
import { signalNow } from '../store/views/signals.ts';
import { callInPlaceOf, callInPlaceOfNamed, callInPlaceOfWhoLeft, plansThatCall } from './prompt.ts';
import { sincePlanned } from './sincePlanned.ts';

/** The first objection to sending this message now, or undefined. To taking one back nobody can object. */
export async function objectionTo(tx: Tx, d: Delivery, company: Company): Promise<Objection | undefined> {
  if (d.purpose === 'redaction') return undefined;
  // Whoever puts right what went wrong has to get in.
  if (d.stopped && d.purpose !== 'sign_in') {
    const heldMs = await stoppedForMs(tx, d.customer_id ? 'customers' : 'staff');
    if (heldMs !== undefined) return { until: new Date(d.now.getTime() + heldMs), code: 'stopped' };
  }
  // They asked for it a moment ago, whatever else they don't want to hear.
  if (d.purpose === 'rights') return undefined;
  return d.customer_id ? objectionOfCustomer(tx, d, company) : objectionOfStaff(tx, d, company);
}

/** Consent, suppression, quiet hours and the cap, as they are now and not as they were when the message was planned. */
async function objectionOfCustomer(tx: Tx, d: Delivery, company: Company): Promise<Objection | undefined> {
  if (!d.loop_id || !d.customer_id) return undefined;
  // Two letters to one customer that are due at the same moment count each other.
  await lockCustomer(tx, d.customer_id);
  const signal = await signalNow(tx, d.loop_id);
  if (!signal) return { end: 'cancelled', code: 'erased' };
  if (signal.restricted) return restedUntil(d);
  const told = d.purpose === 'told' ? d.occasion : null;
  const overtaken = told ? await decisionOvertaking(tx, told) : null;
  const { now, purpose, sample } = d;
  const { reach, unreachable } = signal;
  return objectionToLetter(
    {
      now,
      capturedAt: signal.captured_at,
      purpose,
      sample,
      reach,
      unreachable,
      overtakenUntil: overtaken?.final_at ?? null,
      ...(await sincePlanned(tx, d, signal)),
      promised: told
        ? signal.promised_for !== null || (await isPromised(tx, told, d.customer_id))
        : await hadPromised(tx, d.loop_id, d.planned_at),
      promisesFor: await promisedIn(tx, d.id),
      others: await lettersLeft(tx, d.customer_id, { except: d.id, most: company.customers.cap.messages }),
    },
    company.customers,
    calendarOf(company, undefined, signal.place),
  );
}

/** Looked at again in an hour, or when it is lifted. */
const restedUntil = (d: Delivery): Objection => ({ until: inAnHour(d), code: 'restricted' });

const inAnHour = ({ now }: Delivery): Date => new Date(now.getTime() + 3_600_000);

/** Of the state of a letter: it may have left, or not. */
const isUndecided = (state: string | null): boolean => ['sending', 'uncertain', 'needs_human'].includes(state ?? '');

/** A prompt is for somebody who can still do something about it. */
async function objectionOfStaff(tx: Tx, d: Delivery, company: Company): Promise<Objection | undefined> {
  // Of a letter that may not have arrived, has not left, or promised a day, somebody is asked or told what to do: while it rests nobody can do anything.
  const isAboutLetter = d.purpose === 'notice' && d.occasion !== null;
  const signal = d.loop_id && (d.purpose === 'prompt' || isAboutLetter) ? await signalNow(tx, d.loop_id) : null;
  // Whether it still calls for something, and whom, is seen when it goes on.
  if (signal?.restricted && !signal.closed_at)
    return isAboutLetter ? restedUntil(d) : { end: 'cancelled', code: 'restricted' };
  if (isAboutLetter && signal && (await askInPlaceOf(tx, company, signal, d)))
    return { end: 'cancelled', code: 'handed_over' };
  // Whether what promised it has left is not known yet: the promise may stand.
  if (isAboutPromise(d) && signal && !signal.closed_at && isUndecided(signal.last_letter_state))
    return { until: inAnHour(d), code: 'in_doubt' };
  if (!d.staff || !company.staff[d.staff]) {
    await callInPlaceOfWhoLeft(tx, company, d);
    return { end: 'cancelled', code: 'left' };
  }
  if (d.purpose === 'digest') await callInPlaceOfNamed(tx, company, d);
  if (d.purpose === 'news' && d.occasion) return objectionToOldWord(tx, d.occasion, d.now);
  if (d.purpose !== 'prompt' || !d.loop_id) return undefined;
  const plans = await plansThatCall(tx, company, d, signal);
  if (!plans.includes(d.occasion!)) {
    await callInPlaceOf(tx, company, d, plans);
    return { end: 'cancelled', code: 'met' };
  }
  // A handover ends what waits for whoever gave it away, but not what was in doubt; and the customer's own clock goes on through it.
  if (await isGivenAway(tx, d.dedupe_key)) return { end: 'cancelled', code: 'handed_over' };
  // Nobody is asked to tell what was decided anew since: the call waits until it is certain what to say.
  const certain = signal && stageOfSignal(signal) !== 'acknowledge' ? await callOvertaken(tx, signal) : null;
  if (certain) return { until: new Date(Math.max(certain.getTime(), d.now.getTime() + 10_000)), code: 'decided_anew' };
  // After an outage nobody is asked as often as they would have been: the latest says what is true now.
  if (await laterPrompt(tx, d, plans)) return { end: 'cancelled', code: 'asked_again' };
  const { prompts, within } = company.attention ?? usualAttention;
  const [call, withinMs] = [{ ...d, staff: d.staff }, spanMs(within)!];
  if (!(await isOneTooMany(tx, call, prompts, withinMs))) return undefined;
  await bundle(tx, call, withinMs);
  return { end: 'cancelled', code: 'bundled' };
}

/** Whoever captured it repeats to customers what they hear of: of what was decided anew since they hear by the news of that. */
async function objectionToOldWord(tx: Tx, decisionId: string, now: Date): Promise<Objection | undefined> {
  const anew = await decisionOvertaking(tx, decisionId);
  if (!anew) return undefined;
  return anew.final_at > now
    ? { until: anew.final_at, code: 'decided_anew' }
    : { end: 'cancelled', code: 'superseded' };
}
