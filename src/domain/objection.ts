/** Why a letter to a customer must not be sent at this moment: looked at when it would leave, not when it was planned. Pure. */

import { addSpan, nextAllowed } from './calendar.ts';
import type { Calendar, Company } from './company.ts';
import { promiseOver } from './notArrived.ts';

/** What is written to customers of our own accord: the thanks, an answer, what was decided. No letter reminds: whether it is settled is asked once a
 *  round, within its last one. */
export const letterPurposes = ['receipt', 'answer', 'told'] as const;
export type LetterPurpose = (typeof letterPurposes)[number];

/** Held until a moment at which it is asked again, or ended; the code says why. */
export type Objection =
  | { until: Date; code: 'quiet_hours' | 'cap' | 'restricted' | 'stopped' | 'decided_anew' | 'one_by_one' | 'in_doubt' }
  | { end: 'suppressed' | 'cancelled'; code: string };

/** What is true of a letter now. */
export interface LetterNow {
  now: Date;
  /** When what it is about was captured. */
  capturedAt: Date;
  purpose: string;
  /** Of sample history: nobody is ever written to about it. */
  sample: boolean;
  /** The way to this customer, about this, if there is one now (consent, address, suppression): else `unreachable` says why not. */
  reach: string | null;
  unreachable: string | null;
  /** Until when the decision that took the place of the one it tells can be taken back; null while the one it tells is in force. */
  overtakenUntil: Date | null;
  /** What has been said, decided or closed since it was planned leaves it nothing to say. */
  overtaken: boolean;
  /** Until when to wait for another letter about the same that is just leaving, or of which nobody knows: the later word is to be read last. */
  anotherUntil: Date | null;
  /** Whether it keeps a promise to write to them. One that makes a promise keeps none. */
  promised: boolean;
  /** The end of the day for which it promises that they hear from us again; null where it promises none. */
  promisesFor: Date | null;
  /** When other letters to this customer left, or may have left; in any order. Those that the cap's time span does not reach may be missing. */
  others: readonly Date[];
}

/** Whoever still stands at the counter expects the thanks. Long enough for a mail server that puts strangers off for five minutes; whoever
 *  hears later than that has gone home, and may be asleep. */
const atTheCounterMs = 10 * 60_000;

/** The first objection, or undefined: it may be sent. A receipt is exempt from quiet hours by rule, while it is thanks at once. A letter that
 *  keeps a promise is exempt from the cap, and one that makes a promise waits no longer than for the day it promises: once that is over, it is not
 *  sent. Nothing else is exempt from anything. */
export function objectionToLetter(
  letter: LetterNow,
  { quietHours, cap }: Pick<Company['customers'], 'quietHours' | 'cap'>,
  calendar: Calendar,
): Objection | undefined {
  const { now, purpose } = letter;
  if (letter.sample) return { end: 'suppressed', code: 'sample' };
  // While the new decision can still be taken back the letter waits; then the new one goes in its place.
  if (letter.overtakenUntil)
    return letter.overtakenUntil > now
      ? { until: letter.overtakenUntil, code: 'decided_anew' }
      : { end: 'cancelled', code: 'superseded' };
  if (letter.overtaken) return { end: 'cancelled', code: 'overtaken' };
  if (letter.anotherUntil && letter.anotherUntil > now) return { until: letter.anotherUntil, code: 'one_by_one' };
  if (letter.reach !== 'email') return { end: 'suppressed', code: letter.unreachable ?? 'no_consent' };
  const atOnce = purpose === 'receipt' && now.getTime() - letter.capturedAt.getTime() < atTheCounterMs;
  const allowed = atOnce ? now : nextAllowed(now, quietHours, calendar.timezone);
  const { promisesFor } = letter;
  if (promisesFor && allowed > promisesFor) return { end: 'suppressed', code: promiseOver };
  if (allowed > now) return { until: allowed, code: 'quiet_hours' };
  const frees = capFrees(letter.others, now, cap, calendar);
  if (!frees) return undefined;
  // An answer is owed and waits its turn; thanks that would be one too many are not.
  if (purpose === 'receipt') return { end: 'suppressed', code: 'cap' };
  // Whoever approved it was told when it could leave; what has left since must not have it promise a day that is over.
  const tooLate = promisesFor !== null && nextAllowed(frees, quietHours, calendar.timezone) > promisesFor;
  return letter.promised || tooLate ? undefined : { until: frees, code: 'cap' };
}

/** When so many of the letters that fill the cap have left its time span that there is room for one; undefined while there is. */
export function capFrees(
  others: readonly Date[],
  now: Date,
  { messages, within }: Company['customers']['cap'],
  calendar: Calendar,
): Date | undefined {
  const latestFirst = others.toSorted((a, b) => b.getTime() - a.getTime());
  const oldest = latestFirst[messages - 1];
  if (!oldest) return undefined;
  const frees = addSpan(oldest, within, calendar);
  return frees > now ? frees : undefined;
}

/** What has become of a remark since a letter about it was planned. */
interface SinceThen {
  /** Its latest round. */
  round: number;
  answered_by: string | null;
  /** What was decided has been told to its customer, or is being. */
  told_at: Date | null;
  /** How the latest round was closed; null while it is open. */
  closed_how: string | null;
  /** What was decided since then has reached its customer, or may have. */
  heardSince: boolean;
}

/** Whether thanks or an answer of this round come too late to say anything: nobody is thanked for what has been answered, nor asked whether it is
 *  settled when they have said so. What was decided is told all the same: it may stand for other remarks of theirs, and a later decision takes its
 *  place (`overtakenUntil`). */
export function isOvertaken(
  { purpose, round }: { purpose: string; round: number | null },
  { round: latest, answered_by: answered, told_at: told, closed_how: closed, heardSince }: SinceThen,
): boolean {
  if (purpose !== 'receipt' && purpose !== 'answer') return false;
  if (round !== null && latest > round) return true;
  if (purpose === 'receipt') return closed !== null || answered !== null || told !== null;
  // Whoever said no to the last word on it, before they could read it, is still to have it.
  return (closed !== null && closed !== 'final') || heardSince;
}
