/** What has happened to the same remark while a letter about it waited. */

import { isOvertaken, type LetterNow } from '../domain/objection.ts';
import type { Delivery } from '../store/records/deliveries.ts';
import { answersToWhoIsTold, lettersThatTell } from '../store/records/tellings.ts';
import type { Tx } from '../store/pool.ts';
import type { SignalNow } from '../store/views/signals.ts';

/** Another letter is looked for again after so long. */
const soonMs = 60_000;
const isLeaving = (state: string): boolean => state === 'sending' || state === 'uncertain';
const mayHaveLeft = (state: string): boolean => ['sent', 'delivered', 'complained', 'needs_human'].includes(state);

/** Whether it still has something to say, and whether another one has to be waited for first. Under the customer's lock: of two letters that are
 *  due at the same moment the second sees the first. */
export async function sincePlanned(
  tx: Tx,
  d: Delivery,
  signal: SignalNow,
): Promise<Pick<LetterNow, 'overtaken' | 'anotherUntil'>> {
  const others = await othersThan(tx, d, signal);
  const overtaken = isOvertaken(d, { ...signal, heardSince: d.purpose === 'answer' && heard(d, signal, others) });
  return { overtaken, anotherUntil: others.some(isLeaving) ? new Date(d.now.getTime() + soonMs) : null };
}

/** States of the letters beside which this one must not leave: an answer and the telling of what was decided after it. */
async function othersThan(tx: Tx, d: Delivery, signal: SignalNow): Promise<readonly string[]> {
  if (d.purpose === 'told') return d.occasion ? answersToWhoIsTold(tx, d.occasion, d.customer_id!) : [];
  return d.purpose === 'answer' && signal.course === 'decide' ? lettersThatTell(tx, signal.id, d.planned_at) : [];
}

/** By a letter, or in a call. */
const heard = (d: Delivery, signal: SignalNow, letters: readonly string[]): boolean =>
  letters.some(mayHaveLeft) ||
  (signal.course === 'decide' &&
    signal.told_channel === 'phone' &&
    signal.told_at !== null &&
    signal.told_at > d.planned_at);
