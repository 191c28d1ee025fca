/**
 * The shape of a company file and everything that must hold in it, as one zod schema. Built anew for each file, because a place may only
 * name a manager whom this file knows. Messages are predicates ("is missing: give …"); companyFile.ts puts the subject and the line in front.
 */

import { z } from 'zod';
import type { Company, Ladder } from './company.ts';
import { courses, ladderNames, moods, offers, quotings, roles, templateNames, verdicts } from './company.ts';
import {
  attributeValues,
  coded,
  date,
  defined,
  dailyOrSlower,
  each,
  email,
  expects,
  fields,
  keptAtLeast,
  limitedWithin,
  listOf,
  meanings,
  oneOf,
  oneOrMore,
  pattern,
  quietHours,
  record,
  scalar,
  span,
  spanOfSome,
  template,
  text,
  timezone,
  wallSpan,
  week,
} from './companyFields.ts';
import {
  always,
  beginsAtZero,
  emailsDiffer,
  holdsTogether,
  lastMatchesAll,
  namesDiffer,
  namesOneOwner,
  onceSound,
  verdictIsComplete,
} from './companyTruths.ts';
import { longest } from './longest.ts';

/** The names this file defines, read before anything is checked, so that one wrong entry does not make all who mention it wrong too. */
export type Known = Record<'calendars' | 'places' | 'staff' | 'teams' | 'kinds' | 'items' | 'attributes', string[]>;

/** Parses the plain content of a YAML file into a Company. */
export function companySchema(known: Known): z.ZodType<Company> {
  const calendarCode = defined('calendars', known.calendars);
  const placeCode = defined('places', known.places);
  const staffCode = defined('staff', known.staff);
  const teamCode = defined('teams', known.teams);
  const kindCode = defined('kinds', known.kinds);

  const calendar = fields({
    timezone,
    week,
    days_off: z.array(date, { error: expects('a list of dates such as [2026-12-25]') }).default([]),
  }).transform(({ days_off, ...rest }) => ({ ...rest, daysOff: days_off }));

  const place = fields({
    name: text('the name people use, such as High Street'),
    calendar: calendarCode,
    manager: staffCode,
    quote: oneOf(quotings).default('full'),
  });

  const staff = fields({
    name: text('a full name'),
    email,
    title: text('what customers may read under an answer, such as branch manager'),
    prompts: oneOf(['slack', 'email']).default('email'),
    places: z.union([z.literal('all'), listOf(placeCode, 'all, or a list of places')]),
    lead: staffCode.exactOptional(),
  });

  const team = fields({
    name: text('the name people use, such as Outerwear'),
    lead: staffCode,
    members: listOf(staffCode, 'a list of staff'),
  });

  const kind = z.preprocess(
    (value) => (typeof value === 'string' ? { name: value } : value),
    fields({
      name: text("words for people, such as asked for something we don't carry"),
      quote: oneOf(quotings).exactOptional(),
      high_stake: z.boolean({ error: expects('true or false') }).exactOptional(),
    }).transform(({ high_stake, ...rest }) => ({ ...rest, ...(high_stake && { highStake: true }) })),
  );

  const when = fields({
    words: oneOrMore(pattern).exactOptional(),
    kinds: oneOrMore(kindCode).exactOptional(),
    moods: oneOrMore(oneOf(moods)).exactOptional(),
    places: oneOrMore(placeCode).exactOptional(),
    items: oneOrMore(defined('vocabulary items', known.items)).exactOptional(),
    attributes: record(
      defined('vocabulary attributes', known.attributes),
      z.preprocess((value) => (value === 'any' ? [] : value), oneOrMore(scalar, 0)),
    ).exactOptional(),
    unmet: z.boolean({ error: expects('true or false') }).exactOptional(),
    offer: oneOrMore(oneOf(offers)).exactOptional(),
  }).default({});

  const triageRule = fields({
    name: text('a short name; it is shown as the reason'),
    when,
    verdict: oneOf(verdicts),
    course: oneOf(courses).exactOptional(),
    kind: kindCode.exactOptional(),
    priority: z.literal([1, 2, 3, 4, 5], { error: expects('a number from 1 (urgent) to 5 (whenever)') }).default(3),
    reason: text('a reason').exactOptional(),
  }).superRefine(verdictIsComplete, always);

  const why = text('the rest of the sentence "You, because …"');
  const ownerRule = fields({
    when,
    staff: staffCode.exactOptional(),
    team: teamCode.exactOptional(),
    role: oneOf(['manager', 'executive']).exactOptional(),
    why,
  })
    .superRefine(namesOneOwner, always)
    .transform(({ staff, team, role, ...rest }) => ({
      ...rest,
      owner: staff !== undefined ? { staff } : team !== undefined ? { team } : { role: role ?? 'manager' },
    }));

  const deciderRule = fields({ when, decider: staffCode, within: span, why });

  const ladder: z.ZodType<Ladder> = fields({
    calendar: calendarCode.exactOptional(),
    rungs: z
      .array(fields({ after: span, notify: oneOf(roles) }), {
        error: expects('a list such as [{ after: 0s, notify: owner }]'),
      })
      .superRefine(beginsAtZero, always),
    at_end: fields(
      { notify: oneOf(roles), every: dailyOrSlower },
      'whom to tell while nobody acts (a ladder never just stops)',
    ),
  }).transform(({ at_end, ...rest }) => ({ ...rest, atEnd: at_end }));

  const attention = fields({
    prompts: z
      .int({ error: expects('a whole number') })
      .min(1, 'is too low: whoever is called never acts on nothing. Give 1 or more.'),
    within: limitedWithin,
  });

  const customers = fields({
    window: spanOfSome,
    quiet_hours: quietHours.exactOptional(),
    cap: fields({
      messages: z
        .int({ error: expects('a whole number') })
        .min(3, 'is too low: one remark may need three messages (thanks, answer, decision). Give 3 or more.'),
      within: limitedWithin,
    }),
    consent: fields({
      wording: scalar.refine(
        (name) => name.length <= longest.wording,
        `is longer than the ${longest.wording} characters that a capture keeps of it. Give the wording a short name, like 2026-06.`,
      ),
      text: text('what the customer agrees to'),
    }),
    mail_from: fields({ name: text('the name customers see'), address: email }),
    postal: text('the postal line that stands under every mail'),
  }).transform(({ quiet_hours, mail_from, ...rest }) => ({
    ...rest,
    mailFrom: mail_from,
    ...(quiet_hours && { quietHours: quiet_hours }),
  }));

  const kept = keptAtLeast(90, 'customers can read what became of it for ninety days after it was closed');
  const retention = fields({
    words: kept.exactOptional(),
    kinds: record(kindCode, kept).default({}),
    letters: keptAtLeast(1, 'a letter in doubt is settled within a day').exactOptional(),
  });

  const vocabulary = fields({
    items: meanings.default({}),
    attributes: record(
      z
        .string()
        .max(
          longest.attribute,
          `is longer than the ${longest.attribute} characters that a capture keeps of it. Give it a shorter name.`,
        ),
      attributeValues,
    ).default({}),
  });

  const rules = expects('a list of rules');
  return fields({
    version: z.literal(1, { error: expects('1, the only version there is') }),
    name: text('the name of the company'),
    timezone,
    executive: staffCode,
    undo: wallSpan.default({ amount: 10, unit: 'm' }),
    calendars: coded(calendar),
    places: coded(place),
    staff: coded(staff, emailsDiffer),
    teams: coded(team).default({}),
    kinds: coded(kind),
    vocabulary: vocabulary.default({ items: {}, attributes: {} }),
    triage: z
      .array(triageRule, { error: rules })
      .superRefine(
        lastMatchesAll('a rule without "when" (verdict: review, so that a person looks at what no rule knows)'),
        always,
      )
      .superRefine(namesDiffer, always),
    owners: z.array(ownerRule, { error: rules }).default([]),
    deciders: z
      .array(deciderRule, { error: rules })
      .superRefine(lastMatchesAll('a rule without "when", naming who decides everything else'), always),
    ladders: fields(each(ladderNames, () => ladder)),
    templates: fields(each(templateNames, template)),
    customers,
    retention: retention.exactOptional(),
    attention: attention.exactOptional(),
    capture: fields({
      unmet: listOf(
        text('a reason').refine(
          (reason) => reason.length <= longest.unmet,
          `is longer than the ${longest.unmet} characters that a capture keeps of it. Say it shorter.`,
        ),
        'a list of reasons',
      ),
    }).default({
      unmet: ["Don't carry it", 'Sold out', 'Wrong price', 'Other'],
    }),
  })
    .superRefine(holdsTogether, onceSound)
    .transform(({ version: _version, ...company }) => company);
}
