/** Moments that are still to come, as people say them, on the wall clock of `zone`. */

import { localDate } from '../../domain/calendar.ts';
import { inZone } from '../../domain/localTime.ts';
import { longDate } from '../../domain/longDate.ts';
import { daysBetween } from '../../domain/moments.ts';

/** "by 13:06" (to the second where that is near), "by 09:00 tomorrow", "by Friday 18 June, 13:00". */
export function dueBy(at: Date, now: Date, zone: string): string {
  const near = Math.abs(at.getTime() - now.getTime()) < 10 * 60_000;
  const days = daysBetween(now, at, zone);
  if (days <= 0) return `by ${clock(at, zone, near)}`;
  return days === 1
    ? `by ${clock(at, zone, near)} tomorrow`
    : `by ${longDate(localDate(at, zone), now, zone)}, ${clock(at, zone)}`;
}

function clock(at: Date, zone: string, seconds = false): string {
  return inZone(at, zone, { hour: '2-digit', minute: '2-digit', ...(seconds && { second: '2-digit' }) });
}
