/** A customer gets only so many letters within a time, and none in their quiet hours: when an answer that is written now can leave. */

import { nextAllowed } from '../../domain/calendar.ts';
import type { Company } from '../../domain/company.ts';
import { capFrees } from '../../domain/objection.ts';
import { lettersLeft } from '../../store/records/deliveries.ts';
import { hadPromised } from '../../store/records/followUps.ts';
import { calendarOf } from '../../store/records/ladders.ts';
import type { Db } from '../../store/pool.ts';
import type { SignalNow } from '../../store/views/signals.ts';

export interface Held {
  until: Date;
  by: 'cap' | 'quiet_hours';
}

/** Until when it waits, at the least, and for what; undefined where it leaves at once. What keeps a promise leaves in spite of the cap, and a call is
 *  none of it, also one that is owed in the place of a letter. */
export async function whenItLeaves(db: Db, company: Company, signal: SignalNow, now: Date): Promise<Held | undefined> {
  if (signal.owed_by !== 'email' || !signal.customer_id) return undefined;
  const { cap, quietHours } = company.customers;
  const calendar = calendarOf(company, undefined, signal.place);
  const others = (await hadPromised(db, signal.id, now))
    ? []
    : await lettersLeft(db, signal.customer_id, { most: cap.messages });
  const frees = capFrees(others, now, cap, calendar);
  const until = nextAllowed(frees ?? now, quietHours, calendar.timezone);
  return until > now ? { until, by: frees ? 'cap' : 'quiet_hours' } : undefined;
}
