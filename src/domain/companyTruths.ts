/** What must hold between the fields of a company file: rules that are complete, ladders that only rise, people who may see what they answer for. */

import type { z } from 'zod';
import { addSpan, workingHours } from './calendar.ts';
import type { Calendar, Company, Condition, Ladder } from './company.ts';
import { mostStepsInAll, stepsOf } from './pattern.ts';
import { patternOf } from './reading.ts';
import { worksAt } from './routing.ts';
import type { Span } from './span.ts';
import { spanMs, spanText } from './span.ts';

type Context = z.core.$RefinementCtx<unknown>;

/** For what can be said of a half-read file too: all problems are told at once. */
export const always = { when: (): boolean => true };

/** For what can only be asked of a file that is sound so far. */
export const onceSound = { when: ({ issues }: { issues: readonly unknown[] }): boolean => issues.length === 0 };

/** Pursue needs course, dismiss a reason, and every rule says what kind of remark it reads. */
export function verdictIsComplete(rule: unknown, context: Context): void {
  const { verdict, course, kind, reason, when } = block(rule);
  if (verdict === 'pursue' && course === undefined) {
    say(context, 'is missing: what is pursued needs one of thank, answer, decide.', 'course');
  }
  if (typeof verdict === 'string' && verdict !== 'pursue' && course !== undefined) {
    say(context, `goes only with verdict pursue; this one is ${verdict}. Take it out, or pursue.`, 'course');
  }
  if (verdict === 'dismiss' && reason === undefined) {
    say(context, 'is missing: the person who captured it is told why it is dismissed.', 'reason');
  }
  if (verdict !== undefined && kind === undefined && block(when)['kinds'] === undefined) {
    say(
      context,
      'is missing: say what kind of remark this is (only a rule with "kinds" under "when" can do without).',
      'kind',
    );
  }
}

export function namesOneOwner(rule: unknown, context: Context): void {
  const named = ['staff', 'team', 'role'].filter((field) => block(rule)[field] !== undefined);
  if (named.length === 0) say(context, 'names no owner: give one of staff, team, role.');
  if (named.length > 1) say(context, `names ${named.join(' and ')}: keep one, for exactly one person is answerable.`);
}

/** The last rule is for everything, and no other is: what stands after it would never be reached. */
export function lastMatchesAll(remedy: string): (rules: unknown, context: Context) => void {
  return (rules, context) => {
    if (!Array.isArray(rules)) return;
    for (const [index, rule] of rules.entries()) {
      const last = index === rules.length - 1;
      if (last && !matchesAll(rule))
        say(context, `is the last rule and does not match everything: end with ${remedy}.`, index);
      if (!last && matchesAll(rule))
        say(context, 'matches everything, so the rules after it are never reached. Move it to the end.', index);
    }
    if (rules.length === 0) say(context, `is empty: end with ${remedy}.`);
  };
}

export function namesDiffer(rules: unknown, context: Context): void {
  if (!Array.isArray(rules)) return;
  const names = rules.map((rule: unknown) => block(rule)['name']);
  for (const [index, name] of names.entries()) {
    const first = names.indexOf(name);
    if (typeof name === 'string' && first < index) {
      say(
        context,
        `"${name}" is also the name of rule ${first + 1}. Give each rule its own: the name is shown as the reason.`,
        index,
        'name',
      );
    }
  }
}

export function emailsDiffer(staff: unknown, context: Context): void {
  const first = new Map<string, string>();
  for (const [code, person] of Object.entries(block(staff))) {
    const { email } = block(person);
    if (typeof email !== 'string') continue;
    const address = email.toLowerCase();
    const other = first.get(address);
    if (other === undefined) first.set(address, code);
    else
      say(
        context,
        `"${email}" is also ${other}'s. Links in e-mails sign people in: each needs their own address.`,
        code,
        'email',
      );
  }
}

/** The first prompt is the rung at 0, and within one unit of time the later rung has the larger number. */
export function beginsAtZero(rungs: unknown, context: Context): void {
  if (!Array.isArray(rungs)) return;
  if (rungs.length === 0) say(context, 'is empty: give at least the first prompt, { after: 0s, notify: owner }.');
  const afters = rungs.map((rung: unknown) => block(rung)['after']).map((after) => (isSpan(after) ? after : undefined));
  if (afters[0] && afters[0].amount !== 0) say(context, 'must be 0s: the first rung is the first prompt.', 0, 'after');
  for (const [index, after] of afters.entries()) {
    const before = afters[index - 1];
    if (!after || !before || !alwaysSooner(after, before)) continue;
    say(
      context,
      `(${spanText(after)}) comes before the rung above it (${spanText(before)}). Put the rungs in order.`,
      index,
      'after',
    );
  }
}

/** What only a file that is sound in itself can be asked. */
export function holdsTogether(company: Omit<Company, never>, context: Context): void {
  managersSeeTheirPlace(company, context);
  executiveSeesAll(company, context);
  leadsEnd(company, context);
  ownersSeeWhatTheyOwn(company, context);
  decidersSeeWhatTheyDecide(company, context);
  rungsKeepTheirOrder(company, context);
  patternsAreSoonDone(company, context);
}

/** A remark may meet them all, and whoever holds it against them does nothing else meanwhile. */
function patternsAreSoonDone({ triage, owners, deciders, vocabulary }: Company, context: Context): void {
  const inRules = [...triage, ...owners, ...deciders].flatMap(({ when }) => when.words ?? []);
  const inVocabulary = [vocabulary.items, ...Object.values(vocabulary.attributes)].flatMap((values) =>
    Object.keys(values).flatMap((value) => patternOf(value) ?? []),
  );
  const steps = [...inRules, ...inVocabulary].reduce((sum, pattern) => sum + stepsOf(pattern), 0);
  if (steps <= mostStepsInAll) return;
  say(
    context,
    `and all other patterns of this file come to ${steps} steps together, and ${mostStepsInAll} are the most. Repeat less in them, or write fewer.`,
    'triage',
  );
}

function managersSeeTheirPlace(company: Company, context: Context): void {
  for (const [code, { manager }] of Object.entries(company.places)) {
    if (!worksAt(company, manager, code)) {
      say(
        context,
        `"${manager}" is answerable for ${code} but may not see it. Add ${code} to the places of ${manager}.`,
        'places',
        code,
        'manager',
      );
    }
  }
}

function executiveSeesAll(company: Company, context: Context): void {
  if (company.staff[company.executive]?.places !== 'all') {
    say(
      context,
      `"${company.executive}" is where every ladder ends, and must see everything. Write places: all for ${company.executive}.`,
      'executive',
    );
  }
}

/** Going one level up must get somewhere. */
function leadsEnd(company: Company, context: Context): void {
  for (const code of Object.keys(company.staff)) {
    const passed = new Set<string>();
    let above: string | undefined = code;
    while (above !== undefined && !passed.has(above)) {
      passed.add(above);
      above = company.staff[above]?.lead;
    }
    if (above === code)
      say(
        context,
        'goes round in a circle, so that nothing could go one level up. Take one lead out.',
        'staff',
        code,
        'lead',
      );
  }
}

function ownersSeeWhatTheyOwn(company: Company, context: Context): void {
  for (const [index, { when, owner }] of company.owners.entries()) {
    for (const place of placesOf(company, when)) {
      if ('staff' in owner && !worksAt(company, owner.staff, place)) {
        say(
          context,
          `"${owner.staff}" may not see ${place}. Add it to their places, or limit the rule with when: { places: … }.`,
          'owners',
          index,
          'staff',
        );
      }
      const team = 'team' in owner ? company.teams[owner.team] : undefined;
      if (team && ![...team.members, team.lead].some((member) => worksAt(company, member, place))) {
        say(
          context,
          `nobody of "${team.name}" may see ${place}. Add it to the places of a member or the lead, or limit the rule with when: { places: … }.`,
          'owners',
          index,
          'team',
        );
      }
    }
  }
}

function decidersSeeWhatTheyDecide(company: Company, context: Context): void {
  for (const [index, { when, decider }] of company.deciders.entries()) {
    for (const place of placesOf(company, when)) {
      if (!worksAt(company, decider, place)) {
        say(
          context,
          `"${decider}" may not see ${place}. Add it to their places (or write all), or limit the rule with when: { places: … }.`,
          'deciders',
          index,
          'decider',
        );
      }
    }
  }
}

/** Rungs in different units of time may change places around a weekend or a holiday: tried out in every calendar the ladder may run in. */
function rungsKeepTheirOrder(company: Company, context: Context): void {
  for (const [name, ladder] of Object.entries(company.ladders)) {
    const clocks = new Set(ladder.rungs.filter(({ after }) => after.amount > 0).map(({ after }) => clockOf(after)));
    if (clocks.size < 2) continue;
    const used =
      ladder.calendar === undefined ? Object.values(company.places).map((place) => place.calendar) : [ladder.calendar];
    for (const code of new Set(used)) {
      const calendar = company.calendars[code];
      const fault = calendar && firstDisorder(ladder, calendar);
      if (!fault) continue;
      const [above, below] = [ladder.rungs[fault.index - 1], ladder.rungs[fault.index]];
      if (!above || !below) continue;
      say(
        context,
        `(${spanText(below.after)}) can come before the rung above it (${spanText(above.after)}): in calendar "${code}" it does for what begins at ` +
          `${fault.start.toISOString().slice(0, 16)}Z. Give it more time, or use one unit.`,
        'ladders',
        name,
        'rungs',
        fault.index,
        'after',
      );
    }
  }
}

interface Disorder {
  /** Of the rung that comes too early. */
  index: number;
  start: Date;
}

/** It takes a tenth of a second and more, and a file that is read again asks the same of every ladder that did not change. */
function firstDisorder(ladder: Ladder, calendar: Calendar): Disorder | undefined {
  const asked = JSON.stringify([ladder.rungs.map(({ after }) => after), calendar]);
  if (!disorders.has(asked)) {
    if (disorders.size === mostDisorders) disorders.clear();
    disorders.set(asked, findDisorder(ladder, calendar));
  }
  return disorders.get(asked);
}
const disorders = new Map<string, Disorder | undefined>();
const mostDisorders = 64;

/**
 * Begins a ladder at every working hour of a year with all its weekdays and both clock changes, and of every year the calendar has days off in.
 * The year is fixed, not the coming one: a file that was sound when it was applied must stay readable for ever. While nobody works, working
 * time stands still and the wall clock goes on, so that rungs are furthest from each other where such a time begins or ends.
 */
function findDisorder(ladder: Ladder, calendar: Calendar): Disorder | undefined {
  const years = new Set(['2026', ...calendar.daysOff.map((day) => day.slice(0, 4))]);
  for (const year of [...years].sort()) {
    for (const start of workingHours(Number(year), calendar)) {
      const due = dueTimes(ladder, start, calendar);
      if (!due) return undefined;
      const index = due.findIndex((ms, rung) => rung > 0 && ms < (due[rung - 1] ?? 0));
      if (index > 0) return { index, start };
    }
  }
  return undefined;
}

/** Undefined where the calendar never gets there: addSpan says so when it matters, and there is no order to check. */
function dueTimes(ladder: Ladder, start: Date, calendar: Calendar): number[] | undefined {
  try {
    return ladder.rungs.map(({ after }) => addSpan(start, after, calendar).getTime());
  } catch {
    return undefined;
  }
}

function alwaysSooner(one: Span, other: Span): boolean {
  if (one.amount === 0) return other.amount > 0;
  return clockOf(one) === clockOf(other) && sizeOf(one) < sizeOf(other);
}

/** Spans of one clock can be compared as they stand. */
function clockOf(span: Span): 'wall' | 'working time' | 'working days' {
  if (spanMs(span) !== undefined) return 'wall';
  return span.unit === 'bd' ? 'working days' : 'working time';
}

function sizeOf(span: Span): number {
  return spanMs(span) ?? span.amount * (span.unit === 'bh' ? 60 : 1);
}

function placesOf(company: Company, when: Condition): string[] {
  return when.places ?? Object.keys(company.places);
}

function matchesAll(rule: unknown): boolean {
  return Object.keys(block(block(rule)['when'])).length === 0;
}

function isSpan(value: unknown): value is Span {
  return typeof value === 'object' && value !== null && 'amount' in value && 'unit' in value;
}

function block(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function say(context: Context, message: string, ...path: (string | number)[]): void {
  context.addIssue({ code: 'custom', message, path });
}
