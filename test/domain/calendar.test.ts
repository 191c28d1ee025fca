import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addSpan,
  endOfDay,
  isTimezone,
  isWorkingTime,
  localDate,
  morningOf,
  nextAllowed,
  workingHours,
  workingMs,
} from '../../src/domain/calendar.ts';
import type { Calendar } from '../../src/domain/company.ts';
import type { Span } from '../../src/domain/span.ts';
import { parseSpan } from '../../src/domain/span.ts';

const nineToFive: [number, number][] = [[9 * 60, 17 * 60]];
const office: Calendar = {
  timezone: 'Europe/Amsterdam',
  week: [nineToFive, nineToFive, nineToFive, nineToFive, nineToFive, [], []],
  daysOff: ['2026-12-25'],
};
const split: [number, number][] = [
  [9 * 60, 12 * 60 + 30],
  [13 * 60 + 15, 18 * 60],
];
const shop: Calendar = {
  timezone: 'Europe/Amsterdam',
  week: [split, split, split, split, split, [[600, 1020]], []],
  daysOff: [],
};
const always: Calendar = { timezone: 'Europe/Amsterdam', week: 'always', daysOff: [] };

describe('working time', () => {
  test('passes over the weekend: Friday 16:30 and one working hour is Monday 09:30', () => {
    expect(after('2026-06-19T16:30+02:00', '1bh', office)).toBe('2026-06-22T09:30+02:00');
  });

  test('passes over lunch, the night and the short Saturday', () => {
    expect(after('2026-06-19T12:00+02:00', '1bh', shop)).toBe('2026-06-19T13:45+02:00');
    expect(after('2026-06-19T17:30+02:00', '90bm', shop)).toBe('2026-06-20T11:00+02:00');
    expect(after('2026-06-20T16:00+02:00', '2bh', shop)).toBe('2026-06-22T10:00+02:00');
  });

  test('passes over a day off', () => {
    expect(after('2026-12-24T16:00+01:00', '2bh', office)).toBe('2026-12-28T10:00+01:00');
    expect(after('2026-12-24T16:00+01:00', '1bd', office)).toBe('2026-12-28T16:00+01:00');
  });

  test('ends with the working day it fills, not with the next', () => {
    expect(after('2026-06-22T09:00+02:00', '8bh', office)).toBe('2026-06-22T17:00+02:00');
  });

  test('of nothing is the next working moment', () => {
    expect(after('2026-06-20T11:11+02:00', '0bh', office)).toBe('2026-06-22T09:00+02:00');
    expect(after('2026-06-22T17:00+02:00', '0bh', office)).toBe('2026-06-23T09:00+02:00');
    expect(after('2026-06-22T11:11+02:00', '0bd', office)).toBe('2026-06-22T11:11+02:00');
  });

  test('in days keeps the time on the clock, also over the change of the clock', () => {
    expect(after('2026-03-27T16:30+01:00', '1bd', office)).toBe('2026-03-30T16:30+02:00');
    expect(after('2026-10-23T16:30+02:00', '2bd', office)).toBe('2026-10-27T16:30+01:00');
  });

  test('in days keeps the time that the clock shows before the change of a day, at it and after it', () => {
    const daily: Calendar = { ...always, week: Array.from({ length: 7 }, () => [[0, 1440]]) };
    for (const time of ['01:00+01:00', '03:00+02:00', '12:00+02:00'])
      expect(after(`2026-03-29T${time}`, '1bd', daily)).toBe(`2026-03-30T${time.slice(0, 5)}+02:00`);
    for (const time of ['01:00+02:00', '02:00+01:00', '12:00+01:00'])
      expect(after(`2026-10-25T${time}`, '1bd', daily)).toBe(`2026-10-26T${time.slice(0, 5)}+01:00`);
  });

  test('in days comes to the same time where the clock changes on that day: to the first of two, and to an hour on where it is skipped', () => {
    const daily: Calendar = { ...always, week: Array.from({ length: 7 }, () => [[0, 1440]]) };
    const onSunday = (saturday: string) => after(saturday, '1bd', daily).slice(11);
    for (const time of ['01:00', '01:59']) expect(onSunday(`2026-03-28T${time}+01:00`)).toBe(`${time}+01:00`);
    expect(onSunday('2026-03-28T02:00+01:00')).toBe('03:00+02:00');
    expect(onSunday('2026-03-28T02:30+01:00')).toBe('03:30+02:00');
    for (const time of ['03:00', '12:00']) expect(onSunday(`2026-03-28T${time}+01:00`)).toBe(`${time}+02:00`);
    for (const time of ['01:00', '02:00', '02:30']) expect(onSunday(`2026-10-24T${time}+02:00`)).toBe(`${time}+02:00`);
    for (const time of ['03:00', '12:00']) expect(onSunday(`2026-10-24T${time}+02:00`)).toBe(`${time}+01:00`);
  });

  test('in days begins in working time and ends in working time', () => {
    expect(after('2026-06-21T15:00+02:00', '1bd', office)).toBe('2026-06-23T09:00+02:00');
    expect(after('2026-06-19T17:30+02:00', '1bd', shop)).toBe('2026-06-22T09:00+02:00');
  });

  test('of a shop open at night loses the hour that is skipped and works the one that comes twice', () => {
    const night: [number, number][] = [[60, 240]];
    const nights: Calendar = {
      timezone: 'Europe/Amsterdam',
      week: [night, night, night, night, night, night, night],
      daysOff: [],
    };
    expect(workingMs(new Date('2026-03-29T00:00+01:00'), new Date('2026-03-29T12:00+02:00'), nights)).toBe(
      2 * 3_600_000,
    );
    expect(workingMs(new Date('2026-10-25T00:00+02:00'), new Date('2026-10-25T12:00+01:00'), nights)).toBe(
      4 * 3_600_000,
    );
    expect(after('2026-10-25T01:00+02:00', '2bh', nights)).toBe('2026-10-25T02:00+01:00');
  });

  test('is every hour where the calendar says always', () => {
    expect(after('2026-03-29T01:30+01:00', '1bh', always)).toBe('2026-03-29T03:30+02:00');
    expect(after('2026-03-28T02:30+01:00', '1bd', always)).toBe('2026-03-29T03:30+02:00');
  });

  test('does not matter to seconds, hours and days on the clock', () => {
    expect(after('2026-06-20T00:00+02:00', '25s', office)).toBe('2026-06-20T00:00:25+02:00');
    expect(after('2026-03-28T12:00+01:00', '1d', office)).toBe('2026-03-29T13:00+02:00');
  });

  test('begins with the first moment of an interval, and is over with the moment at which it ends', () => {
    const isWorked = (at: string) => isWorkingTime(new Date(at), office);
    expect(isWorked('2026-06-22T08:59:59.999+02:00')).toBe(false);
    expect(isWorked('2026-06-22T09:00+02:00')).toBe(true);
    expect(isWorked('2026-06-22T16:59:59.999+02:00')).toBe(true);
    expect(isWorked('2026-06-22T17:00+02:00')).toBe(false);
  });

  test('of a year is told hour by hour to the end of each interval, from a week before the year until it is over', () => {
    const mornings: Calendar = { ...office, week: Array.from({ length: 7 }, () => [[540, 690]]), daysOff: [] };
    const hours = workingHours(2026, mornings);
    expect(hours.slice(0, 5)).toEqual(
      ['25T09:00', '25T10:00', '25T11:00', '25T11:30', '26T09:00'].map((at) => new Date(`2025-12-${at}+01:00`)),
    );
    expect(hours).toHaveLength((7 + 365) * 4);
    expect(hours.at(-1)).toEqual(new Date('2026-12-31T11:30+01:00'));
  });

  test('that never comes is refused with what to do', () => {
    const closed: Calendar = { timezone: 'Europe/Amsterdam', week: [[], [], [], [], [], [], []], daysOff: [] };
    expect(() => addSpan(new Date('2026-06-20T00:00Z'), { amount: 1, unit: 'bh' }, closed)).toThrow(
      /Give it working hours/,
    );
    expect(() => addSpan(new Date('2026-06-20T00:00Z'), { amount: 1, unit: 'bd' }, closed)).toThrow(/never pass/);
  });
});

describe('working time, against a clock that is watched minute by minute', () => {
  const zones = [
    'Europe/Amsterdam',
    'America/New_York',
    'Asia/Kolkata',
    'Australia/Lord_Howe',
    'Africa/Casablanca',
    'UTC',
  ];
  const hours = fc
    .uniqueArray(fc.integer({ min: 0, max: 96 }), { minLength: 0, maxLength: 6 })
    .map((edges) => edges.sort((a, b) => a - b).map((edge) => edge * 15))
    .map((edges) =>
      edges.flatMap((from, index): [number, number][] =>
        index % 2 === 0 && edges[index + 1] !== undefined ? [[from, edges[index + 1] ?? 0]] : [],
      ),
    );
  const calendars = fc.record({
    timezone: fc.constantFrom(...zones),
    week: fc.array(hours, { minLength: 7, maxLength: 7 }).filter((week) => week.flat().length > 0),
    daysOff: fc.uniqueArray(fc.constantFrom('2026-03-28', '2026-03-29', '2026-03-30', '2026-10-25', '2026-10-26'), {
      maxLength: 3,
    }),
  });
  // Around the clock changes of 2026 in these zones, and an ordinary week.
  const starts = fc
    .tuple(
      fc.constantFrom('2026-03-06', '2026-03-27', '2026-04-03', '2026-06-17', '2026-10-02', '2026-10-23', '2026-10-30'),
      fc.integer({ min: 0, max: 5 * 1440 }),
    )
    .map(([day, minutes]) => new Date(Date.parse(`${day}T00:00Z`) + minutes * 60_000));

  test('hours and minutes end when so many working minutes have been seen', () => {
    fc.assert(
      fc.property(calendars, starts, fc.integer({ min: 0, max: 900 }), (calendar, from, amount) => {
        const clock = watch(calendar, from);
        expect(addSpan(from, { amount, unit: 'bm' }, calendar)).toEqual(clock.after(amount));
      }),
      { numRuns: 60 },
    );
  });

  test('days end at the same time on the clock of the day they should, or at the next working minute', () => {
    fc.assert(
      fc.property(calendars, starts, fc.integer({ min: 1, max: 3 }), (calendar, from, amount) => {
        const clock = watch(calendar, from);
        expect(addSpan(from, { amount, unit: 'bd' }, calendar)).toEqual(clock.daysAfter(amount));
      }),
      { numRuns: 60 },
    );
  });

  test('what was added can be measured, and measured in parts', () => {
    fc.assert(
      fc.property(
        calendars,
        starts,
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 0, max: 3000 }),
        (calendar, from, amount, more) => {
          const end = addSpan(from, { amount, unit: 'bm' }, calendar);
          const later = addSpan(end, { amount: more, unit: 'bm' }, calendar);
          expect(workingMs(from, end, calendar)).toBe(amount * 60_000);
          expect(workingMs(from, later, calendar)).toBe((amount + more) * 60_000);
          expect(workingMs(later, from, calendar)).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a moment is working time exactly when the clock says so', () => {
    fc.assert(
      fc.property(calendars, starts, (calendar, at) => {
        expect(isWorkingTime(at, calendar)).toBe(watch(calendar, at).isWorking(at.getTime()));
      }),
      { numRuns: 200 },
    );
  });
});

describe('quiet hours', () => {
  const quiet = { from: 20 * 60, to: 8 * 60 };

  test('hold a message of the evening and of the small hours until the morning', () => {
    expect(allowed('2026-06-19T20:00+02:00')).toBe(Date.parse('2026-06-20T08:00+02:00'));
    expect(allowed('2026-06-19T21:00+02:00')).toBe(Date.parse('2026-06-20T08:00+02:00'));
    expect(allowed('2026-06-20T07:59:59+02:00')).toBe(Date.parse('2026-06-20T08:00+02:00'));
    expect(allowed('2026-03-28T21:00+01:00')).toBe(Date.parse('2026-03-29T08:00+02:00'));
  });

  test('let everything else through at once', () => {
    expect(allowed('2026-06-20T08:00+02:00')).toBe(Date.parse('2026-06-20T08:00+02:00'));
    expect(allowed('2026-06-20T08:00:30+02:00')).toBe(Date.parse('2026-06-20T08:00:30+02:00'));
    expect(allowed('2026-06-20T19:59:59+02:00')).toBe(Date.parse('2026-06-20T19:59:59+02:00'));
    const at = new Date('2026-06-20T03:00Z');
    expect(nextAllowed(at, undefined, 'Europe/Amsterdam')).toBe(at);
  });

  test('may lie within a day, up to its end', () => {
    const atNoon = (time: string) =>
      nextAllowed(new Date(`2026-06-20T${time}+02:00`), { from: 720, to: 780 }, 'Europe/Amsterdam');
    for (const time of ['12:00', '12:30', '12:59:59']) expect(atNoon(time)).toEqual(new Date('2026-06-20T13:00+02:00'));
    for (const time of ['11:59:59', '13:00:30']) expect(atNoon(time)).toEqual(new Date(`2026-06-20T${time}+02:00`));
    const night = nextAllowed(new Date('2026-06-20T23:30+02:00'), { from: 1200, to: 1440 }, 'Europe/Amsterdam');
    expect(night).toEqual(new Date('2026-06-21T00:00+02:00'));
  });

  test('end when the clock first shows so, where it is put forward over that time, and the second time where it is put back', () => {
    const half = (at: string) => nextAllowed(new Date(at), { from: 22 * 60, to: 150 }, 'Europe/Amsterdam');
    expect(half('2026-03-29T01:30+01:00')).toEqual(new Date('2026-03-29T03:00+02:00'));
    expect(half('2026-10-25T02:10+02:00')).toEqual(new Date('2026-10-25T02:30+02:00'));
    // Half past two is over, and at ten past two it is quiet again.
    expect(half('2026-10-25T02:10+01:00')).toEqual(new Date('2026-10-25T02:30+01:00'));
  });

  function allowed(at: string): number {
    return nextAllowed(new Date(at), quiet, 'Europe/Amsterdam').getTime();
  }
});

describe('a date', () => {
  test('ends with its last millisecond where the customer lives', () => {
    expect(endOfDay('2026-06-19', 'Europe/Amsterdam')).toEqual(new Date('2026-06-19T23:59:59.999+02:00'));
    expect(localDate(endOfDay('2026-10-25', 'Europe/Amsterdam'), 'Europe/Amsterdam')).toBe('2026-10-25');
  });

  test.each([
    ['on any day', '2026-06-19', 'Europe/Amsterdam', '2026-06-19T09:00+02:00'],
    ['where the clock was put forward in the night', '2026-03-29', 'Europe/Amsterdam', '2026-03-29T09:00+02:00'],
    ['where it was put back', '2026-10-25', 'Europe/Amsterdam', '2026-10-25T09:00+01:00'],
    ['where it is put back at the end of the day', '2026-10-29', 'Africa/Cairo', '2026-10-29T09:00+03:00'],
  ])('has its morning at nine by the clock, %s', (_, date, timezone, nine) => {
    expect(morningOf(date, timezone)).toEqual(new Date(nine));
  });

  test('is the one on the wall of the place', () => {
    expect(localDate(new Date('2026-06-19T23:00Z'), 'Europe/Amsterdam')).toBe('2026-06-20');
  });

  test.each(['2026-02-30', '19 June', '2026-6-1', '20260619', '0001-01-01', ''])(
    'is refused when it does not exist: %j',
    (text) => {
      for (const momentOf of [endOfDay, morningOf])
        expect(() => momentOf(text, 'Europe/Amsterdam')).toThrow(/is not a date/);
    },
  );
});

test('a zone is one that has a name and that the machine knows', () => {
  expect(['Europe/Amsterdam', 'UTC'].filter((name) => !isTimezone(name))).toEqual([]);
  expect(['Europe/Nowhere', '+02:00', ''].filter(isTimezone)).toEqual([]);
});

/** The moment after a span, written with the offset of Amsterdam. */
function after(from: string, span: string, calendar: Calendar): string {
  const parsed = parseSpan(span) as Span;
  const at = addSpan(new Date(from), parsed, calendar);
  const parts = new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'Europe/Amsterdam',
    dateStyle: 'short',
    timeStyle: 'medium',
  }).format(at);
  const offset = new Intl.DateTimeFormat('en', { timeZone: 'Europe/Amsterdam', timeZoneName: 'longOffset' })
    .format(at)
    .slice(-6);
  return `${parts.replace(' ', 'T').replace(/:00$/, '')}${offset}`;
}

/** The oracle: what the wall clock of Intl shows, one minute after the other. Knows nothing of how the calendar reckons. */
function watch(calendar: Calendar, from: Date) {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: calendar.timezone,
    dateStyle: 'short',
    timeStyle: 'short',
  });
  const minutes: { date: string; time: string; working: boolean }[] = [];
  const origin = from.getTime() - 3 * 86_400_000;
  const read = (ms: number) => {
    const [date = '', time = ''] = format.format(ms).split(' ');
    const weekday = (new Date(`${date}T00:00Z`).getUTCDay() + 6) % 7;
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    const intervals = (calendar.week as [number, number][][])[weekday] ?? [];
    const inside = intervals.some(([start, end]) => start <= hour * 60 + minute && hour * 60 + minute < end);
    return { date, time, working: inside && !calendar.daysOff.includes(date) };
  };
  const at = (ms: number) => {
    const index = Math.round((ms - origin) / 60_000);
    return (minutes[index] ??= read(ms));
  };
  const isWorking = (ms: number): boolean => at(ms).working;
  const nextWorking = (ms: number): number => {
    let now = ms;
    while (!isWorking(now)) now += 60_000;
    return now;
  };
  return {
    isWorking,
    after(amount: number): Date {
      let now = nextWorking(from.getTime());
      for (let seen = 0; seen < amount; now += 60_000) if (isWorking(now)) seen += 1;
      return new Date(now);
    },
    daysAfter(amount: number): Date {
      const start = nextWorking(from.getTime());
      const { date: today, time } = at(start);
      const worked = new Set<string>();
      let now = start;
      // Into the day on which the last of the working days has its first working minute …
      for (; worked.size < amount; now += 60_000) if (isWorking(now) && at(now).date > today) worked.add(at(now).date);
      const day = at(now - 60_000).date;
      // … then back to its first minute, and on to the same time, or past it where that time is skipped by an hour.
      let then = now - 60_000;
      while (at(then - 60_000).date === day) then -= 60_000;
      let skipped = 0;
      while (at(then).time < time && at(then).date === day) then += 60_000;
      if (at(then).time !== time) {
        const before = minutesOf(at(then - 60_000).time);
        skipped = minutesOf(time) - before - 1;
      }
      return new Date(nextWorking(then + skipped * 60_000));
    },
  };
}

function minutesOf(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return hour * 60 + minute;
}
