/**
 * Working time. A moment is working time when the clock on the wall, in the calendar's zone, stands inside one of the day's intervals and
 * the day is not a day off. Everything else follows from that, also on the two days a year when the clock changes.
 */

import { Temporal } from 'temporal-polyfill';
import type { Calendar } from './company.ts';
import { DomainError } from './errors.ts';
import { isInReach } from './inReach.ts';
import type { Span } from './span.ts';
import { spanMs, spanText } from './span.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;
const horizonDays = 400;

/**
 * The moment `span` after `from` (both UTC instants).
 * - s m h d pass on the wall clock, whatever the calendar says; a d is 24 hours.
 * - bm bh count working time only: Friday 16:30 + 1bh in a 9–17 calendar is Monday 09:30.
 * - bd is the same local time on the next working day. Counting begins in working time, so Sunday + 1bd is Tuesday's first working moment;
 *   where nobody works at that time on that day, it is the next working moment.
 * - 0bm, 0bh and 0bd are the next working moment, which may be `from` itself.
 *
 * Throws DomainError validation when the calendar has no working time in the next 400 days.
 */
export function addSpan(from: Date, span: Span, calendar: Calendar): Date {
  const wall = spanMs(span);
  if (wall !== undefined) return new Date(from.getTime() + wall);

  const start = afterWorking(from.getTime(), 0, span, calendar);
  if (span.unit === 'bd') return new Date(workingDaysLater(start, span, calendar));
  const working = span.amount * (span.unit === 'bh' ? 60 : 1) * minuteMs;
  return new Date(afterWorking(start, working, span, calendar));
}

/** Whether `at` (a UTC instant) lies in working time; the first minute of an interval does, the moment it ends does not. */
export function isWorkingTime(at: Date, calendar: Calendar): boolean {
  const ms = at.getTime();
  return workingIntervals(localDay(ms, calendar.timezone), calendar).some(([start, end]) => start <= ms && ms < end);
}

/** Milliseconds of working time between two UTC instants; 0 when `to` is not after `from`. */
export function workingMs(from: Date, to: Date, calendar: Calendar): number {
  let sum = 0;
  const last = localDay(to.getTime(), calendar.timezone);
  for (let day = localDay(from.getTime(), calendar.timezone); day <= last; day++) {
    for (const [start, end] of workingIntervals(day, calendar)) {
      sum += Math.max(0, Math.min(end, to.getTime()) - Math.max(start, from.getTime()));
    }
  }
  return sum;
}

/** The working time of a year and the week before it, hour by hour as UTC instants in order: each interval from where it begins to where it ends. */
export function workingHours(year: number, calendar: Calendar): Date[] {
  const hours: Date[] = [];
  const end = Date.UTC(year + 1, 0, 1) / dayMs;
  for (let day = Date.UTC(year, 0, 1) / dayMs - 7; day < end; day++) {
    for (const [begin, finish] of workingIntervals(day, calendar)) {
      for (let ms = begin; ms < finish; ms += 60 * minuteMs) hours.push(new Date(ms));
      hours.push(new Date(finish));
    }
  }
  return hours;
}

/** `at`, or the end of the quiet hours it falls into. `quiet` is in minutes since local midnight; from > to spans midnight. */
export function nextAllowed(at: Date, quiet: { from: number; to: number } | undefined, timezone: string): Date {
  if (!quiet) return at;
  const local = zoned(at.getTime(), timezone);
  const minute = local.hour * 60 + local.minute;
  const spansMidnight = quiet.from > quiet.to;
  const inside = spansMidnight ? minute >= quiet.from || minute < quiet.to : minute >= quiet.from && minute < quiet.to;
  if (!inside) return at;
  const day = local.toPlainDate().add({ days: spansMidnight && minute >= quiet.from ? 1 : 0 });
  const end = day.toPlainDateTime({ hour: Math.floor(quiet.to / 60) % 24, minute: quiet.to % 60 });
  const endOfQuiet = quiet.to === 24 * 60 ? end.add({ days: 1 }) : end;
  return new Date(firstMomentFrom(endOfQuiet, timezone, at.getTime()));
}

/** When the clock of a zone first shows `wall` or later, after `from`. Put forward, it may never show it; put back, it shows it twice. */
function firstMomentFrom(wall: Temporal.PlainDateTime, timezone: string, from: number): number {
  const shown = wall.toZonedDateTime(timezone);
  // The last moment before the jump has the jump next; the first one after it may be the jump itself, whose previous is half a year ago.
  const before = wall.toZonedDateTime(timezone, { disambiguation: 'earlier' });
  if (!shown.toPlainDateTime().equals(wall)) return before.getTimeZoneTransition('next')!.epochMilliseconds;
  if (shown.epochMilliseconds > from) return shown.epochMilliseconds;
  return wall.toZonedDateTime(timezone, { disambiguation: 'later' }).epochMilliseconds;
}

/** The last millisecond of a local date (YYYY-MM-DD): a promise for Friday is kept until Friday is over. Throws validation on an impossible date. */
export function endOfDay(date: string, timezone: string): Date {
  const nextMidnight = existing(date).add({ days: 1 }).toZonedDateTime(timezone);
  return new Date(nextMidnight.epochMilliseconds - 1);
}

/** Nine in the morning of a local date (YYYY-MM-DD), by the clock on the wall: when somebody is asked again about what they put off to that
 *  day. Throws validation on an impossible date. */
export const morningOf = (date: string, timezone: string): Date =>
  new Date(existing(date).toPlainDateTime({ hour: 9 }).toZonedDateTime(timezone).epochMilliseconds);

/** The date (YYYY-MM-DD) on the wall calendar of `timezone` at a UTC instant. */
export function localDate(at: Date, timezone: string): string {
  return zoned(at.getTime(), timezone).toPlainDate().toString();
}

function existing(date: string): Temporal.PlainDate {
  if (!isDate(date)) throw new DomainError('validation', `"${date}" is not a date. Write it as 2026-06-19.`);
  return Temporal.PlainDate.from(date);
}

/** Whether `text` is a date that exists and that anybody can mean, written YYYY-MM-DD. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || !isInReach(text)) return false;
  try {
    return Temporal.PlainDate.from(text).toString() === text;
  } catch {
    return false;
  }
}

/** Whether `name` is an IANA time zone that this machine knows. */
export function isTimezone(name: string): boolean {
  try {
    zoned(0, name);
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

type Interval = [start: number, end: number];

/** The first moment at or after `from` by which `working` milliseconds of working time have passed; for 0, the first working moment. */
function afterWorking(from: number, working: number, span: Span, calendar: Calendar): number {
  let left = working;
  const first = localDay(from, calendar.timezone);
  for (let day = first, lastWorked = first; day - lastWorked <= horizonDays; day++) {
    for (const [start, end] of workingIntervals(day, calendar)) {
      const begin = Math.max(start, from);
      if (begin >= end) continue;
      if (end - begin >= left) return begin + left;
      left -= end - begin;
      lastWorked = day;
    }
  }
  throw noWorkingTime(span);
}

function workingDaysLater(start: number, span: Span, calendar: Calendar): number {
  if (span.amount === 0) return start;
  const first = localDay(start, calendar.timezone);
  const today = stretches(first, calendar.timezone);
  const time = start + (today.find(({ end }) => start < end)?.offset ?? 0) - first * dayMs;
  let left = span.amount;
  for (let day = first + 1, lastWorked = first; day - lastWorked <= horizonDays; day++) {
    if (workingIntervals(day, calendar).length === 0) continue;
    lastWorked = day;
    left -= 1;
    if (left === 0) return afterWorking(localTime(day, time, calendar.timezone), 0, span, calendar);
  }
  throw noWorkingTime(span);
}

/** The instant of a local time (milliseconds since midnight); of a time that comes twice the first, for one that is skipped the one an hour on. */
function localTime(day: number, time: number, timezone: string): number {
  const parts = stretches(day, timezone);
  const candidates = parts.map(({ start, end, offset }) => ({ at: day * dayMs + time - offset, start, end }));
  return (candidates.find(({ at, start, end }) => start <= at && at < end) ?? candidates[0])?.at ?? day * dayMs + time;
}

function noWorkingTime(span: Span): DomainError {
  return new DomainError(
    'validation',
    `${spanText(span)} never pass: the calendar has no working time for ${horizonDays} days. Give it working hours or fewer days off.`,
  );
}

/** The working time of a local day (days since 1970-01-01) as UTC instants, in order. */
function workingIntervals(day: number, calendar: Calendar): Interval[] {
  return remember(intervalsOf, calendar, day, () => {
    const date = new Date(day * dayMs).toISOString().slice(0, 10);
    const weekday = (day + 3) % 7;
    const hours = calendar.week === 'always' ? wholeDay : (calendar.week[weekday] ?? []);
    if (hours.length === 0 || calendar.daysOff.includes(date)) return [];
    return stretches(day, calendar.timezone).flatMap(({ start, end, offset }) =>
      hours.flatMap(([from, to]): Interval[] => {
        const begin = Math.max(start, day * dayMs + from * minuteMs - offset);
        const finish = Math.min(end, day * dayMs + to * minuteMs - offset);
        return begin < finish ? [[begin, finish]] : [];
      }),
    );
  });
}

const wholeDay: [number, number][] = [[0, 1440]];

/** A part of a local day with one UTC offset, so that local time in it is plain arithmetic. A day is one stretch, or two when the clock changes. */
interface Stretch {
  start: number;
  end: number;
  offset: number;
}

function stretches(day: number, timezone: string): Stretch[] {
  return remember(stretchesOf, timezone, day, () => {
    const date = Temporal.PlainDate.from(new Date(day * dayMs).toISOString().slice(0, 10));
    const midnight = date.toZonedDateTime(timezone);
    const start = midnight.epochMilliseconds;
    const end = date.add({ days: 1 }).toZonedDateTime(timezone).epochMilliseconds;
    const offset = midnight.offsetNanoseconds / 1e6;
    const lateOffset = zoned(end - 1, timezone).offsetNanoseconds / 1e6;
    if (offset === lateOffset) return [{ start, end, offset }];
    const change = midnight.getTimeZoneTransition('next')?.epochMilliseconds ?? end;
    return [
      { start, end: change, offset },
      { start: change, end, offset: lateOffset },
    ];
  });
}

/** The local day (days since 1970-01-01) of a UTC instant; it is never more than one away from the day in UTC. */
function localDay(ms: number, timezone: string): number {
  const utcDay = Math.floor(ms / dayMs);
  const isWithin = (day: number): boolean => stretches(day, timezone).some(({ start, end }) => start <= ms && ms < end);
  return [utcDay, utcDay + 1, utcDay - 1].find(isWithin) ?? utcDay;
}

// Asking a time zone for its offset costs far more than the arithmetic, and the same days are asked for again and again. What a day came to
// never changes: zones are constants, and calendars are immutable (a new configuration brings new ones).
const stretchesOf = new Map<string, Map<number, Stretch[]>>();
const intervalsOf = new WeakMap<Calendar, Map<number, Interval[]>>();

interface Memory<Key, Value> {
  get(key: Key): Map<number, Value> | undefined;
  set(key: Key, days: Map<number, Value>): unknown;
}

function remember<Key, Value>(memory: Memory<Key, Value>, key: Key, day: number, compute: () => Value): Value {
  let days = memory.get(key);
  if (!days) memory.set(key, (days = new Map()));
  let value = days.get(day);
  if (value === undefined) days.set(day, (value = compute()));
  return value;
}

function zoned(ms: number, timezone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timezone);
}
