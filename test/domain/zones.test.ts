import { expect, test } from '@jest/globals';
import { addSpan, endOfDay, localDate, morningOf, nextAllowed, workingMs } from '../../src/domain/calendar.ts';
import type { Calendar } from '../../src/domain/company.ts';

const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;
const probeMs = 8 * dayMs;
const [first, last] = [Date.UTC(2024, 0, 1), Date.UTC(2033, 0, 1)];

test('business time agrees with a clock that is watched minute by minute, at each change of each zone on earth from 2024 to 2032', () => {
  const differences: string[] = [];
  let changes = 0;
  const zones = Intl.supportedValuesOf('timeZone');
  for (const zone of zones) {
    for (const change of changesOf(zone)) {
      changes += 1;
      for (const difference of differencesAt(zone, change))
        differences.push(`${zone}, ${new Date(change.at).toISOString()}: ${difference}`);
    }
  }
  console.log(
    `business time: ${zones.length} zones, ${changes} changes of the clock, ${differences.length} differences`,
  );
  expect(differences.slice(0, 20)).toEqual([]);
  // So that nothing found is not taken for nothing wrong.
  expect(changes).toBeGreaterThan(2000);
});

interface Change {
  at: number;
  before: number;
  after: number;
}

/** Asked of the machine's own zones, which calendar.ts does not use: every eight days (no zone changes twice in them), then halved to the minute. */
function changesOf(zone: string): Change[] {
  const clock = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  const offsetAt = (at: number): number => {
    const [, sign, hours, minutes = '0'] = /GMT([+-])(\d+):?(\d+)?/.exec(clock.format(at)) ?? [];
    return sign ? (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * minuteMs : 0;
  };
  const changes: Change[] = [];
  for (let at = first, before = offsetAt(at); at < last; at += probeMs) {
    const after = offsetAt(at + probeMs);
    if (after === before) continue;
    let [low, high] = [at, at + probeMs];
    while (high - low > minuteMs) {
      const middle = low + Math.floor((high - low) / 2 / minuteMs) * minuteMs;
      if (offsetAt(middle) === before) low = middle;
      else high = middle;
    }
    changes.push({ at: high, before, after });
    before = after;
  }
  return changes;
}

/** What calendar.ts says of the two days around a change, against what was watched. */
function* differencesAt(timezone: string, change: Change): Generator<string> {
  const { begin, end, worked, ends, dates, today, nine, over, quiets } = watchedAt(change);
  const calendar: Calendar = { timezone, week: Array.from({ length: 7 }, () => hours), daysOff: [] };

  const says = workingMs(new Date(begin), new Date(end), calendar);
  if (says !== worked) yield `${says / minuteMs} working minutes, watched ${worked / minuteMs}`;
  for (const { amount, at } of ends) {
    const then = addSpan(new Date(begin), { amount, unit: 'bm' }, calendar).getTime();
    if (then !== at) yield `${amount} working minutes end at ${new Date(then).toISOString()}`;
  }
  for (const { at, date } of dates) {
    if (localDate(new Date(at), timezone) !== date)
      yield `${new Date(at).toISOString()} is ${localDate(new Date(at), timezone)}`;
  }
  if (endOfDay(today, timezone).getTime() !== over - 1)
    yield `${today} ends at ${endOfDay(today, timezone).toISOString()}`;
  if (morningOf(today, timezone).getTime() !== nine)
    yield `it is nine on ${today} at ${morningOf(today, timezone).toISOString()}`;
  for (const { from, quiet, spoken } of quiets) {
    const allowed = nextAllowed(new Date(from), quiet, timezone).getTime();
    if (allowed !== spoken)
      yield `quiet from ${quiet.from} to ${quiet.to}, asked at ${new Date(from).toISOString()}: until ${new Date(allowed).toISOString()}, watched ${new Date(spoken).toISOString()}`;
  }
}

// Open around every hour at which a clock is ever changed, closed in between, every day of the week.
const hours: [number, number][] = [
  [0, 45],
  [90, 150],
  [165, 240],
  [1380, 1440],
];

/** The two days around a change, watched minute by minute. Dozens of zones change alike, and are held against one watching. */
function watchedAt(change: Change): Watched {
  const key = Object.values(change).join();
  const known = watched.get(key) ?? watch(change);
  watched.set(key, known);
  return known;
}
const watched = new Map<string, Watched>();

interface Watched {
  begin: number;
  end: number;
  worked: number;
  ends: { amount: number; at: number }[];
  dates: { at: number; date: string }[];
  today: string;
  nine: number;
  over: number;
  quiets: { from: number; quiet: { from: number; to: number }; spoken: number }[];
}

function watch({ at, before, after }: Change): Watched {
  const local = (utc: number): number => utc + (utc < at ? before : after);
  const minuteOf = (utc: number): number => (local(utc) % dayMs) / minuteMs;
  const dateOf = (utc: number): string => new Date(local(utc)).toISOString().slice(0, 10);
  const isOpen = (utc: number): boolean => hours.some(([from, to]) => minuteOf(utc) >= from && minuteOf(utc) < to);
  const [begin, end] = [at - dayMs, at + dayMs];
  const open: number[] = [];
  for (let utc = begin; utc < end; utc += minuteMs) if (isOpen(utc)) open.push(utc);

  const today = dateOf(at - minuteMs);
  let over = at - minuteMs;
  while (dateOf(over) === today) over += minuteMs;
  let nine = over - minuteMs;
  while (minuteOf(nine) !== 540) nine -= minuteMs;
  // Quiet hours that end around the change: at a time that is skipped, or that comes twice.
  const quiets = [-50, 10].flatMap((start) =>
    [-60, -30, 30, 60].map((later) => {
      const from = at + start * minuteMs;
      const quiet = { from: (minuteOf(from) + 1200) % 1440, to: (minuteOf(at) + later + 1440) % 1440 };
      const isQuiet = (utc: number): boolean =>
        quiet.from > quiet.to
          ? minuteOf(utc) >= quiet.from || minuteOf(utc) < quiet.to
          : minuteOf(utc) >= quiet.from && minuteOf(utc) < quiet.to;
      let spoken = from;
      while (isQuiet(spoken)) spoken += minuteMs;
      return { from, quiet, spoken };
    }),
  );
  return {
    begin,
    end,
    worked: open.length * minuteMs,
    // The moment a span has passed is the end of its last minute.
    ends: [1, 50, 100, 200, 300].map((amount) => ({ amount, at: open[amount - 1]! + minuteMs })),
    dates: [begin, at - minuteMs, at, at + minuteMs, end - minuteMs].map((utc) => ({ at: utc, date: dateOf(utc) })),
    today,
    nine,
    over,
    quiets,
  };
}
