import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { endOfDay } from '../../src/domain/calendar.ts';
import type { Calendar } from '../../src/domain/company.ts';
import { isOvertaken, letterPurposes, objectionToLetter, type LetterNow } from '../../src/domain/objection.ts';

const zones = ['Europe/Amsterdam', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Apia', 'UTC'];
const calendarIn = (timezone: string): Calendar => ({ timezone, week: 'always', daysOff: [] });
const hour = 3_600_000;

/** Minutes since midnight on the clock of a zone, by another way than the code goes. */
function minuteIn(at: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone, hour: 'numeric', minute: 'numeric', hourCycle: 'h23' });
  const [hours = 0, minutes = 0] = parts.format(at).split(':').map(Number);
  return hours * 60 + minutes;
}
function isQuiet(at: Date, { from, to }: { from: number; to: number }, zone: string): boolean {
  const minute = minuteIn(at, zone);
  return from > to ? minute >= from || minute < to : minute >= from && minute < to;
}

const quietHours = fc
  .tuple(fc.integer({ min: 0, max: 1439 }), fc.integer({ min: 0, max: 1440 }))
  .filter(([from, to]) => from !== to && !(from === 0 && to === 1440))
  .map(([from, to]) => ({ from, to }));
const cap = fc.record({
  messages: fc.integer({ min: 1, max: 4 }),
  within: fc.record({ amount: fc.integer({ min: 1, max: 72 }), unit: fc.constant('h' as const) }),
});
const rules = fc.oneof(fc.record({ cap }), fc.record({ cap, quietHours }));
/** When the clocks of these zones are put forward or back. */
const changes = [
  '2026-03-29T01:00Z',
  '2026-10-25T01:00Z',
  '2026-03-08T07:00Z',
  '2026-11-01T06:00Z',
  '2026-04-04T15:00Z',
  '2026-10-03T15:30Z',
];
const nearAChange = fc
  .tuple(fc.constantFrom(...changes), fc.integer({ min: -1440, max: 180 }))
  .map(([change, minutes]) => new Date(Date.parse(change) + minutes * 60_000));
/** A moment in two years that hold every change of a clock, to the minute or a millisecond beside it. */
const anyMoment = fc
  .tuple(fc.integer({ min: 0, max: 2 * 365 * 24 * 60 }), fc.constantFrom(-1, 0, 1))
  .map(([minutes, beside]) => new Date(Date.UTC(2026, 0, 1) + minutes * 60_000 + beside));
const moment = fc.oneof(anyMoment, nearAChange);
const letter = fc.record({
  purpose: fc.constantFrom(...letterPurposes),
  promised: fc.boolean(),
  /** Minutes from the capture to the moment at which it is due: late where worker, Temporal or mail server were away. */
  late: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 10, max: 24 * 60 })),
  /** Hours after the plan begins. */
  due: fc.integer({ min: 0, max: 100 }).map((tenths) => tenths / 10),
  /** Minutes from when it is due, for which another letter about the same is under way. */
  another: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 })),
  /** What is true of the customer while it waits: nothing changes, or from an hour on they asked us to stop, or it was decided anew, or what has
   *  happened leaves it nothing to say. */
  fate: fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'none' as const, at: 0 }) },
    fc.record({
      kind: fc.constantFrom('stop' as const, 'superseded' as const, 'overtaken' as const),
      at: fc.integer({ min: 0, max: 60 }),
    }),
  ),
});
type Planned = typeof letter extends fc.Arbitrary<infer T> ? T : never;

type Rules = Parameters<typeof objectionToLetter>[1];

interface Played {
  sent: { at: Date; planned: Planned; capturedAt: Date }[];
  /** What was held: when it was asked, and until when. */
  held: { now: LetterNow; until: Date }[];
  ended: { at: Date; planned: Planned; code: string }[];
}

const capturedAt = (begin: Date, { due, late }: Planned): Date =>
  new Date(begin.getTime() + due * hour - late * 60_000);

/** Every letter asked about when it is due, and again whenever it was held until, in the order of the clock. */
function play(
  begin: Date,
  plan: readonly Planned[],
  given: Parameters<typeof objectionToLetter>[1],
  zone: string,
): Played {
  const played: Played = { sent: [], held: [], ended: [] };
  const queue = plan.map((planned) => ({ at: new Date(begin.getTime() + planned.due * hour), planned }));
  for (let asked = 0; queue.length > 0; asked += 1) {
    if (asked > 2_000) throw new Error('A letter is held again and again, and never sent or ended.');
    queue.sort((a, b) => a.at.getTime() - b.at.getTime());
    const { at, planned } = queue.shift()!;
    const since = (hours: number): boolean => at.getTime() >= begin.getTime() + hours * hour;
    const stopped = planned.fate.kind === 'stop' && since(planned.fate.at);
    const superseded = planned.fate.kind === 'superseded' && since(planned.fate.at);
    const now: LetterNow = {
      now: at,
      capturedAt: capturedAt(begin, planned),
      purpose: planned.purpose,
      sample: false,
      reach: stopped ? null : 'email',
      unreachable: stopped ? 'suppressed' : null,
      overtakenUntil: superseded ? new Date(begin.getTime() + planned.fate.at * hour + hour / 6) : null,
      overtaken: planned.fate.kind === 'overtaken' && since(planned.fate.at),
      anotherUntil: planned.another ? new Date(begin.getTime() + planned.due * hour + planned.another * 60_000) : null,
      promised: planned.promised,
      promisesFor: null,
      others: played.sent.map((each) => each.at),
    };
    const objection = objectionToLetter(now, given, calendarIn(zone));
    if (!objection) played.sent.push({ at, planned, capturedAt: now.capturedAt });
    else if ('until' in objection) {
      played.held.push({ now, until: objection.until });
      queue.push({ at: objection.until, planned });
    } else played.ended.push({ at, planned, code: objection.code });
  }
  return played;
}

const plans = fc.tuple(moment, fc.array(letter, { minLength: 1, maxLength: 12 }), rules, fc.constantFrom(...zones));
const always = (holds: (played: Played, rules: Rules, zone: string) => void): void =>
  fc.assert(
    fc.property(plans, ([begin, plan, given, zone]) => holds(play(begin, plan, given, zone), given, zone)),
    { numRuns: 400 },
  );

describe('whatever is planned for a customer, whenever, wherever', () => {
  test('nothing but the thanks at once leaves in their quiet hours', () => {
    always(({ sent }, { quietHours }, zone) => {
      for (const { at, planned, capturedAt } of sent) {
        const atOnce = planned.purpose === 'receipt' && at.getTime() - capturedAt.getTime() < hour / 6;
        if (quietHours && !atOnce) expect(isQuiet(at, quietHours, zone)).toBe(false);
      }
    });
  });

  test('no more leaves than the cap allows in any such span, but for what keeps a promise', () => {
    always(({ sent }, { cap }) => {
      for (const { at, planned } of sent.filter(
        (each) => !each.planned.promised || each.planned.purpose === 'receipt',
      )) {
        const before = sent.filter(
          (each) =>
            each.at <= at && each.planned !== planned && at.getTime() - each.at.getTime() < cap.within.amount * hour,
        );
        const earlier = before.filter((each) => sent.indexOf(each) < sent.findIndex((one) => one.planned === planned));
        expect(earlier.length).toBeLessThan(cap.messages);
      }
    });
  });

  test('nothing leaves once they asked us to stop, nor what is not true any more', () => {
    fc.assert(
      fc.property(plans, ([begin, plan, given, zone]) => {
        const { sent, ended } = play(begin, plan, given, zone);
        for (const { at, planned } of sent)
          if (planned.fate.kind !== 'none') expect(at.getTime()).toBeLessThan(begin.getTime() + planned.fate.at * hour);
        for (const { planned, code } of ended)
          expect(code).toBe(
            {
              none: 'cap',
              stop: code === 'cap' ? 'cap' : 'suppressed',
              superseded: code === 'cap' ? 'cap' : 'superseded',
              overtaken: code === 'cap' ? 'cap' : 'overtaken',
            }[planned.fate.kind],
          );
      }),
      { numRuns: 400 },
    );
  });

  test('everything leaves or ends: nothing is held for ever, and only thanks give way to the cap', () => {
    fc.assert(
      fc.property(plans, ([begin, plan, given, zone]) => {
        const { sent, ended } = play(begin, plan, given, zone);
        expect(sent.length + ended.length).toBe(plan.length);
        for (const { planned, code } of ended) if (code === 'cap') expect(planned.purpose).toBe('receipt');
      }),
      { numRuns: 400 },
    );
  });

  test('nothing is held longer than it has to be: a moment before its time there is still an objection', () => {
    always(({ held }, given, zone) => {
      for (const { now, until } of held) {
        expect(until.getTime()).toBeGreaterThan(now.now.getTime());
        const before = { ...now, now: new Date(until.getTime() - 1) };
        expect(objectionToLetter(before, given, calendarIn(zone))).toBeDefined();
      }
    });
  });
});

/** An answer that nothing speaks against. */
const answer: LetterNow = {
  now: new Date('2026-06-15T10:00:00Z'),
  capturedAt: new Date('2026-06-15T09:59:00Z'),
  purpose: 'answer',
  sample: false,
  reach: 'email',
  unreachable: null,
  overtakenUntil: null,
  overtaken: false,
  anotherUntil: null,
  promised: false,
  promisesFor: null,
  others: [],
};

test('sample customers are never written to, and without a way nothing is', () => {
  const now: LetterNow = { ...answer, promised: true };
  const given = { cap: { messages: 3, within: { amount: 7, unit: 'd' as const } } };
  const asked = (more: Partial<LetterNow>) => objectionToLetter({ ...now, ...more }, given, calendarIn('UTC'));
  expect(asked({})).toBeUndefined();
  expect(asked({ sample: true })).toEqual({ end: 'suppressed', code: 'sample' });
  expect(asked({ reach: 'phone' })).toEqual({ end: 'suppressed', code: 'no_consent' });
  expect(asked({ reach: null, unreachable: 'not_me' })).toEqual({ end: 'suppressed', code: 'not_me' });
});

test('what was decided anew is not told, and waits while that can still be taken back', () => {
  const given = { cap: { messages: 3, within: { amount: 7, unit: 'd' as const } } };
  const told = (overtakenUntil: Date) =>
    objectionToLetter({ ...answer, purpose: 'told', overtakenUntil }, given, calendarIn('UTC'));
  const later = new Date('2026-06-15T10:10:00Z');
  expect(told(later)).toEqual({ until: later, code: 'decided_anew' });
  expect(told(answer.now)).toEqual({ end: 'cancelled', code: 'superseded' });
});

test('a letter waits for another about the same that may be leaving, and no longer than that', () => {
  const given = { cap: { messages: 3, within: { amount: 7, unit: 'd' as const } } };
  const beside = (anotherUntil: Date) => objectionToLetter({ ...answer, anotherUntil }, given, calendarIn('UTC'));
  const later = new Date('2026-06-15T10:00:01Z');
  expect(beside(later)).toEqual({ until: later, code: 'one_by_one' });
  expect(beside(answer.now)).toBeUndefined();
});

test('an answer that makes a promise waits its turn beyond the cap, but not past the day that it promises; one that keeps one does not wait', () => {
  const given = { cap: { messages: 1, within: { amount: 7, unit: 'd' as const } } };
  const leaves = (promisesFor: string) =>
    objectionToLetter(
      { ...answer, promisesFor: new Date(promisesFor), others: [new Date('2026-06-14T12:00:00Z')] },
      given,
      calendarIn('UTC'),
    );
  expect(leaves('2026-06-21T24:00:00Z')).toEqual({ until: new Date('2026-06-21T12:00:00Z'), code: 'cap' });
  expect(leaves('2026-06-20T24:00:00Z')).toBeUndefined();
  const keeps: LetterNow = { ...answer, promised: true, others: [new Date('2026-06-14T12:00:00Z')] };
  expect(objectionToLetter(keeps, given, calendarIn('UTC'))).toBeUndefined();
});

test('an answer leaves on the day that it promises, or before it, or not at all; nor does it wait for room until the quiet hours after that day', () => {
  const given = {
    quietHours: { from: 20 * 60, to: 8 * 60 },
    cap: { messages: 1, within: { amount: 7, unit: 'd' as const } },
  };
  const promisesFor = endOfDay('2026-06-15', 'UTC');
  const leaves = (now: string, others: string[] = []) =>
    objectionToLetter(
      { ...answer, promisesFor, now: new Date(now), others: others.map((at) => new Date(at)) },
      given,
      calendarIn('UTC'),
    );
  const over = { end: 'suppressed', code: 'promise_over' };
  expect(leaves('2026-06-15T03:00:00Z')).toEqual({ until: new Date('2026-06-15T08:00:00Z'), code: 'quiet_hours' });
  expect(leaves('2026-06-15T19:59:00Z')).toBeUndefined();
  expect(leaves('2026-06-15T20:30:00Z')).toEqual(over);
  expect(leaves('2026-06-17T10:00:00Z')).toEqual(over);
  // There is room again at nine in the evening.
  expect(leaves('2026-06-15T10:00:00Z', ['2026-06-08T21:00:00Z'])).toBeUndefined();
});

test('thanks that come late wait for the morning', () => {
  const thanks = (capturedAt: string, now: string) =>
    objectionToLetter(
      { ...answer, now: new Date(now), capturedAt: new Date(capturedAt), purpose: 'receipt' },
      {
        quietHours: { from: 20 * 60, to: 8 * 60 },
        cap: { messages: 3, within: { amount: 7, unit: 'd' } },
      },
      calendarIn('UTC'),
    );
  const morning = { until: new Date('2026-06-16T08:00:00Z'), code: 'quiet_hours' };
  // Said at the counter shortly before closing time, and thanked for at once.
  expect(thanks('2026-06-15T21:30:00Z', '2026-06-15T21:30:40Z')).toBeUndefined();
  expect(thanks('2026-06-15T21:30:00Z', '2026-06-15T21:36:00Z')).toBeUndefined();
  // Everything stood still until three at night.
  expect(thanks('2026-06-15T18:30:00Z', '2026-06-16T03:00:00Z')).toEqual(morning);
  expect(thanks('2026-06-15T21:30:00Z', '2026-06-15T21:40:00Z')).toEqual(morning);
  expect(thanks('2026-06-15T18:30:00Z', '2026-06-16T09:00:00Z')).toBeUndefined();
});

test('what has been said, decided or closed since leaves thanks and answers nothing to say, and what was decided is still to be told', () => {
  const untouched = { round: 1, answered_by: null, told_at: null, closed_how: null, heardSince: false };
  const overtaken = (since: Partial<Parameters<typeof isOvertaken>[1]>) =>
    letterPurposes.filter((purpose) => isOvertaken({ purpose, round: 1 }, { ...untouched, ...since }));
  expect(overtaken({})).toEqual([]);
  expect(overtaken({ answered_by: 'priya' })).toEqual(['receipt']);
  expect(overtaken({ told_at: new Date() })).toEqual(['receipt']);
  expect(overtaken({ answered_by: 'priya', heardSince: true })).toEqual(['receipt', 'answer']);
  for (const closed_how of ['settled', 'dismissed', 'silent', 'nobody_to_reach'])
    expect(overtaken({ answered_by: 'priya', closed_how })).toEqual(['receipt', 'answer']);
  expect(overtaken({ closed_how: 'dismissed' })).toEqual(['receipt', 'answer']);
  // They said no before they could read our final answer.
  expect(overtaken({ answered_by: 'priya', closed_how: 'final' })).toEqual(['receipt']);
  expect(overtaken({ round: 2 })).toEqual(['receipt', 'answer']);
  expect(isOvertaken({ purpose: 'answer', round: 2 }, { ...untouched, round: 2 })).toBe(false);
});
