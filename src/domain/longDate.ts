import { inZone } from './localTime.ts';

/** "Friday 18 June", from YYYY-MM-DD. */
export function longDate(date: string): string {
  return inZone(new Date(`${date}T12:00:00Z`), 'UTC', { weekday: 'long', day: 'numeric', month: 'long' });
}
