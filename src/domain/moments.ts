/** Times, dates and small numbers as people say them. */

import { localDate } from './calendar.ts';
import { inZone } from './localTime.ts';
import { isOfAnotherYear, longDate } from './longDate.ts';
import { parseSpan, spanText, type Span } from './span.ts';

/** "in 25 seconds" · "by 13:00" today · "by Friday 12:00" within a week · "by 18 June 12:00"; `at` and `now` are UTC instants. */
export function byWhen(at: Date, now: Date, timezone: string): string {
  const seconds = Math.round((at.getTime() - now.getTime()) / 1000);
  return seconds > 0 && seconds < 120 ? `in ${seconds} seconds` : `by ${clockTime(at, now, timezone)}`;
}

/** "13:00" today · "Friday 12:00" within a week · "18 June 12:00"; with the year where it is another one. */
export function clockTime(at: Date, now: Date, timezone: string): string {
  const time = inZone(at, timezone, { hour: '2-digit', minute: '2-digit' });
  if (localDate(at, timezone) === localDate(now, timezone)) return time;
  const days = Math.abs(at.getTime() - now.getTime()) / 86_400_000;
  if (days < 6) return `${inZone(at, timezone, { weekday: 'long' })} ${time}`;
  const year = isOfAnotherYear(localDate(at, timezone), now, timezone) && ({ year: 'numeric' } as const);
  return `${inZone(at, timezone, { day: 'numeric', month: 'long', ...year })} ${time}`;
}

/** "at 13:06", "yesterday at 13:06", "on Friday 12 June at 13:06". */
export function happenedAt(at: Date, now: Date, timezone: string): string {
  const time = `at ${inZone(at, timezone, { hour: '2-digit', minute: '2-digit' })}`;
  const days = daysBetween(at, now, timezone);
  if (days === 0) return time;
  return days === 1 ? `yesterday ${time}` : `on ${longDate(localDate(at, timezone), now, timezone)} ${time}`;
}

/** How many midnights lie between two moments. */
export const daysBetween = (from: Date, to: Date, timezone: string): number =>
  Math.round((Date.parse(localDate(to, timezone)) - Date.parse(localDate(from, timezone))) / 86_400_000);

/** "four working hours", "a working day", "25 seconds" */
export function spanInWords(span: Span): string {
  const [amount = '', ...unit] = spanText(span).split(' ');
  return `${span.amount === 1 ? (unit[0] === 'hour' ? 'an' : 'a') : inWords(Number(amount))} ${unit.join(' ')}`;
}

/** How long it was on the wall, in its largest whole unit: "six hours", "25 seconds". */
export function elapsedInWords(from: Date, to: Date): string {
  const seconds = Math.max(1, Math.round((to.getTime() - from.getTime()) / 1000));
  const [unit, length] = (
    [
      ['d', 86_400],
      ['h', 3600],
      ['m', 60],
      ['s', 1],
    ] as const
  ).find(([, l]) => seconds >= l)!;
  return spanInWords(parseSpan(`${Math.floor(seconds / length)}${unit}`)!);
}

/** Numbers up to twelve as words. */
export function inWords(count: number): string {
  return numbers[count] ?? String(count);
}

const numbers = [
  'none',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
];
