/** What there is to decide: the people's own words first, how many they are, what they refused instead, and the date. */

import { capital } from '../../domain/capital.ts';
import { localDate } from '../../domain/calendar.ts';
import type { Company } from '../../domain/company.ts';
import { longDate } from '../../domain/longDate.ts';
import { extract, quotingOf } from '../../domain/template.ts';
import { dueNow, isPutOff } from '../../store/views/insights.ts';
import { refusedInstead, verbatimsOf, type Verbatim } from '../../store/views/messages.ts';
import { personName, placeName, type Composing } from './composing.ts';
import type { Part } from './mail.ts';
import type { InsightTask } from './task.ts';

const mostVerbatims = 5;

/** `staff`: who reads it. */
export async function aboutInsight(
  composing: Composing,
  task: InsightTask,
  { staff, now }: { staff: string; now: Date },
): Promise<Part[]> {
  const verbatims = await quotable(composing, task);
  const people = await howMany(composing, task);
  const state = task.stage === 'complete' ? toBeDone(composing, task, { staff, now }) : toBeDecided(task, now);
  return [
    ...(verbatims.length > 0
      ? verbatims
      : [{ text: 'What was said is not quoted in messages; it is behind the link.' }]),
    { text: `${people}\n${state}` },
  ];
}

/** Whoever decided it said so: it may be somebody else's by now, and those above them are told of it, too. */
function toBeDone(
  { company }: Composing,
  { insight, zone }: InsightTask,
  { staff, now }: { staff: string; now: Date },
): string {
  const who = insight.decided_by === staff ? 'You' : personName(company, insight.decided_by);
  return `${who} said it would be done by ${longDate(insight.done_by!, now, zone)}.`;
}

function toBeDecided({ insight, zone }: InsightTask, now: Date): string {
  const due = dueNow(insight);
  const day = longDate(localDate(due, zone), now, zone);
  // Whoever is given it meanwhile hears of it before that day.
  if (isPutOff(insight, now)) return `It was put off until ${day}.`;
  if (insight.outcome === 'deferred') return 'It was put off, and now it is time to look again.';
  return due > now ? `To be decided by ${day}.` : `It was to be decided by ${day}.`;
}

/** The latest words that may be quoted, the same ones once. */
export async function quotable(
  { db, company }: Pick<Composing, 'db' | 'company'>,
  { id }: { id: string },
): Promise<{ words: string; of: string }[]> {
  const said = new Map<string, { words: string; at: Set<string>; times: number }>();
  for (const verbatim of await verbatimsOf(db, id, 100)) {
    const words = quoteOf(company, verbatim);
    if (words === undefined) continue;
    const known = said.get(words.toLowerCase()) ?? { words, at: new Set(), times: 0 };
    known.at.add(placeName(company, verbatim.place));
    known.times += 1;
    said.set(words.toLowerCase(), known);
  }
  return [...said.values()].slice(0, mostVerbatims).map(({ words, at, times }) => ({
    words,
    of: `at ${[...at].join(', ')}${times > 1 ? `, ${times} times` : ''}`,
  }));
}

const quoteOf = (company: Company, { words, place, kind }: Verbatim): string | undefined =>
  extract(words, quotingOf(company, { place, kind: kind ?? undefined }));

/** "14 people at 2 places ask for this. 9 refused teal." */
export async function howMany(
  { db, company }: Pick<Composing, 'db' | 'company'>,
  { insight }: Pick<InsightTask, 'insight'>,
): Promise<string> {
  const { people, places, refused } = insight;
  // Of what was decided somebody is to say that it is done, also where whoever asked was erased since.
  if (people === 0) return 'Nobody asks for this any more.';
  const asks =
    people === 1
      ? 'One person asks for this.'
      : `${people} people${places > 1 ? ` at ${places} places` : ''} ask for this.`;
  if (refused === 0) return asks;
  const instead = await refusedInstead(db, company, insight.id);
  const what = instead.map((one) => `${one.people === 1 ? 'one' : one.people} refused ${one.offered}`).join(', ');
  const said = what === '' ? `${refused} refused what was offered instead` : what;
  return `${asks} ${capital(said)}.`;
}
