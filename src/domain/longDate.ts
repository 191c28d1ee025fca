import { localDate } from './calendar.ts';
import { inZone } from './localTime.ts';

/** "Friday 18 June", from YYYY-MM-DD; "Friday 18 June 2027" where it is of another year than `now` there. */
export function longDate(date: string, now: Date, timezone: string): string {
  const day = inZone(new Date(`${date}T12:00:00Z`), 'UTC', { weekday: 'long', day: 'numeric', month: 'long' });
  return isOfAnotherYear(date, now, timezone) ? `${day} ${date.slice(0, 4)}` : day;
}

/** Whether YYYY-MM-DD has to be said with its year, because nobody would think of it. */
export const isOfAnotherYear = (date: string, now: Date, timezone: string): boolean =>
  date.slice(0, 4) !== localDate(now, timezone).slice(0, 4);
