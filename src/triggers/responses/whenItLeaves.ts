/** A customer gets only so many letters within a time: when an answer that is written now can leave. */

import type { Company } from '../../domain/company.ts';
import { capFrees } from '../../domain/objection.ts';
import { lettersLeft } from '../../store/records/deliveries.ts';
import { hadPromised } from '../../store/records/followUps.ts';
import { calendarOf } from '../../store/records/ladders.ts';
import type { Db } from '../../store/pool.ts';
import type { SignalNow } from '../../store/views/signals.ts';

/** At the earliest; undefined where the cap is not what it waits for. What keeps a promise leaves in spite of it, and a call is none of it, also
 *  one that is owed in the place of a letter. */
export async function heldByCapUntil(
  db: Db,
  company: Company,
  signal: SignalNow,
  now: Date,
): Promise<Date | undefined> {
  if (signal.owed_by !== 'email' || !signal.customer_id || (await hadPromised(db, signal.id, now))) return undefined;
  const { cap } = company.customers;
  const others = await lettersLeft(db, signal.customer_id, { most: cap.messages });
  return capFrees(others, now, cap, calendarOf(company, undefined, signal.place));
}
