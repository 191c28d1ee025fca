/** The leaders' numbers: what each is called, what exactly it means, and the arithmetic that turns counts into claims. Pure. */

import { Temporal } from 'temporal-polyfill';
import { localDate } from './calendar.ts';

export const measures = {
  used: {
    name: 'Used',
    means:
      'Insights decided with customers’ words in hand ÷ insights due. Due: the first decision date, or a date it was put off to, lies in the ' +
      'period; moving a date keeps the original. With words in hand: adopted or declined by now, with at least one of its own remarks chosen as ' +
      'evidence by the person who decided. What was put off stays in the denominator. Late decisions count; how many were in time stands apart.',
  },
  claimed: {
    name: 'Closed, we say',
    means:
      'Every time we said our last word to a customer in the period, or found that there was no way to. It is the sum of five: said yes, said no, ' +
      'silent, still to say, could not be asked. Confirmed = yes ÷ (yes + no + silent); the gap is the rest. A no stays a no, even when a later round ' +
      'ends in yes.',
  },
  silent: {
    name: 'Silent',
    means:
      'Asked whether it is settled, and neither yes nor no came within the window of the company file. Silence is never counted as yes. An opened ' +
      'mail is not an answer; a mail that came back is “could not be asked”; a late reply moves it.',
  },
  explained: {
    name: 'After a no from us',
    means:
      'Whoever asked for something that was declined is asked another question: whether it was explained clearly. Those replies stand here and are ' +
      'never added to the confirmed ones.',
  },
  promises: {
    name: 'Promises kept',
    means:
      'Promises fulfilled by the end of the promised day, in the zone of the place, ÷ promises due in the period. Fulfilled: our next message was ' +
      'delivered or the call reached them, or they said themselves that it is settled. A message of which nobody knows whether it arrived does not count.',
  },
  funnel: {
    name: 'From heard to settled',
    means:
      'What was captured in the period, and how far it has come by now. Each step counts those who came through the one before. Owned: somebody ' +
      'said it is theirs. Answered: the customer heard from a person. What needed no decision passes “decided” and “told” with its answer. Settled: ' +
      'the customer said so. Half and nine in ten: the time from one step to the next, over all rounds; what still waits is shown as waiting.',
  },
  unused: {
    name: 'About to die unused',
    means:
      'Past its date, and neither decided nor put off to a day to come. Each stands once: cited (its words were chosen as evidence before), seen (the decider ' +
      'pressed something; opening a page is not counted), or unseen. Looking at it clears nothing.',
  },
} as const satisfies Record<string, { name: string; means: string }>;
export type Measure = keyof typeof measures;

/** Every number that can be asked for its people: the measure that defines it, and how its list is headed. */
export const figures = {
  due: { measure: 'used', of: 'insights', title: 'Due for a decision' },
  citing: { measure: 'used', of: 'insights', title: 'Decided with customers’ words in hand' },
  otherwise: { measure: 'used', of: 'insights', title: 'Decided without choosing anybody’s words' },
  postponed: { measure: 'used', of: 'insights', title: 'Put off to a day to come' },
  undecided: { measure: 'used', of: 'insights', title: 'Past their date, undecided' },
  'in-time': { measure: 'used', of: 'insights', title: 'Decided by their date' },
  claimed: { measure: 'claimed', of: 'signals', title: 'Closed, we say' },
  confirmed: { measure: 'claimed', of: 'signals', title: 'Settled, the customers say' },
  silent: { measure: 'silent', of: 'signals', title: 'Silent' },
  'not-settled': { measure: 'claimed', of: 'signals', title: 'Not settled, the customers say' },
  waiting: { measure: 'claimed', of: 'signals', title: 'Asked, and still to say' },
  'could-not-be-asked': { measure: 'claimed', of: 'signals', title: 'Could not be asked' },
  explained: { measure: 'explained', of: 'signals', title: 'Told no' },
  'explained-clearly': { measure: 'explained', of: 'signals', title: 'Told no, and found it clear' },
  'not-explained': { measure: 'explained', of: 'signals', title: 'Told no, and did not find it clear' },
  'explained-silent': { measure: 'explained', of: 'signals', title: 'Told no, and silent' },
  'explained-waiting': { measure: 'explained', of: 'signals', title: 'Told no, and still to say' },
  'explained-not-asked': { measure: 'explained', of: 'signals', title: 'Could not be told no' },
  promises: { measure: 'promises', of: 'signals', title: 'Promises that fell due' },
  'promises-kept': { measure: 'promises', of: 'signals', title: 'Promises kept' },
  'promises-late': { measure: 'promises', of: 'signals', title: 'Promises kept too late' },
  'promises-open': { measure: 'promises', of: 'signals', title: 'Promises open past their day' },
  captured: { measure: 'funnel', of: 'signals', title: 'Captured' },
  owned: { measure: 'funnel', of: 'signals', title: 'Owned by somebody' },
  answered: { measure: 'funnel', of: 'signals', title: 'Answered by a person' },
  decided: { measure: 'funnel', of: 'signals', title: 'Answered, and decided' },
  told: { measure: 'funnel', of: 'signals', title: 'Told how it ended' },
  settled: { measure: 'funnel', of: 'signals', title: 'Settled, they say' },
  unused: { measure: 'unused', of: 'insights', title: 'Past their date, undecided' },
} as const satisfies Record<string, { measure: Measure; of: 'signals' | 'insights'; title: string }>;
export type Figure = keyof typeof figures;

export const isFigure = (text: string): text is Figure => Object.hasOwn(figures, text);

/** The steps of the funnel in their order; a signal's step is its place in this list. */
export const steps = ['captured', 'owned', 'answered', 'decided', 'told', 'settled'] as const;
export type Step = (typeof steps)[number];

/** A share is a claim only from ten on; below, the counts stand for themselves. */
export const share = (part: number, whole: number): number | null => (whole < 10 ? null : part / whole);

/** The `p`-th part (0.5: half of them are within) of `values` in ascending order, between two neighbours by proportion; null of none. */
export function percentile(values: readonly number[], p: number): number | null {
  if (values.length === 0) return null;
  const at = (values.length - 1) * p;
  const below = values[Math.floor(at)]!;
  return below + (values[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

/** Whole hundredths, rounded down: nothing is called complete that is not. */
export const inHundred = (part: number): number => Math.floor(part * 100 + 1e-9);

/** "71 %" */
export const percent = (part: number): string => `${inHundred(part)} %`;

export interface Period {
  /** UTC; included. */
  from: Date;
  /** UTC; excluded. */
  to: Date;
}

/** Today so far and the days before it, `days` in all, on the calendar of `zone`. */
export function lastDays(days: number, now: Date, zone: string): Period {
  const today = Temporal.PlainDate.from(localDate(now, zone));
  const from = today.subtract({ days: days - 1 }).toZonedDateTime(zone);
  return { from: new Date(from.epochMilliseconds), to: now };
}
