/** What can happen to a loop, as the view now.timeline tells it: codes, ids and dates. timeline.ts makes sentences of them. */

import { z } from 'zod';
import { courses, offers, roles, verdicts } from './company.ts';
import { decisionOutcomes, decisionScopes } from './decisions.ts';
import { waits } from './loop.ts';
import { questionCodes } from './questions.ts';

const text = z.string().nullable();
const happened = <Kind extends string, Detail extends z.ZodRawShape>(kind: Kind, detail: Detail) =>
  z.object({ at: z.date(), kind: z.literal(kind), by: text, detail: z.object(detail) });
const rung = {
  staff: text,
  role: z.enum(roles),
  wait: z.enum(waits),
  step: z.number(),
  repeat: z.number(),
  dueAt: z.coerce.date(),
  countedFrom: z.coerce.date(),
  reason: z.string(),
  collapsed: z.boolean(),
};

export const TimelineEvent = z.discriminatedUnion('kind', [
  happened('captured', {
    channel: z.string(),
    taken: z.enum(offers).nullable(),
    offered: text,
    unmet: text,
    consent: z.array(z.string()).nullable(),
  }),
  happened('triaged', {
    verdict: z.enum(verdicts),
    course: z.enum(courses).nullable(),
    kind: z.string(),
    priority: z.number(),
    rule: z.string(),
    why: z.string(),
    reason: text,
  }),
  happened('reviewed', {
    verdict: z.enum(['pursue', 'dismiss']),
    course: z.enum(courses).nullable(),
    kind: text,
    reason: text,
  }),
  happened('enriched', { earlier: z.number(), owed: z.number(), askedTheSame: z.number() }),
  happened('joined', {
    insight: z.string(),
    kind: z.string(),
    attributes: z.record(z.string(), z.string()),
    others: z.number(),
  }),
  happened('disavowed', {}),
  happened('opened', { kind: z.string(), attributes: z.record(z.string(), z.string()), decideBy: z.coerce.date() }),
  happened('owned', { staff: z.string(), cause: z.string(), reason: z.string(), round: z.number() }),
  happened('reopened', { round: z.number(), level: z.number() }),
  happened('prompted', rung),
  happened('escalated', rung),
  happened('acknowledged', { round: z.number() }),
  happened('answered', {
    channel: z.enum(['email', 'phone', 'none', 'sample']),
    rule: text,
    final: z.boolean(),
    round: z.number(),
    promisedOn: text,
    /** In the place of a letter before it, which did not arrive. */
    again: z.boolean().default(false),
  }),
  happened('called', {
    outcome: z.enum(['reached', 'no_reply', 'wrong_number']),
    purpose: z.enum(['answer', 'told']),
    /** What a call in the place of a letter promised, and the letter had not. */
    promisedOn: text.default(null),
  }),
  happened('decided', {
    outcome: z.enum(decisionOutcomes),
    scope: z.enum(decisionScopes).nullable(),
    reason: z.string(),
    internalReason: text,
    doneBy: text,
    wakeAt: z.coerce.date().nullable(),
    untilPeople: z.number().nullable(),
    version: z.number(),
  }),
  happened('withdrawn', { version: z.number() }),
  happened('completed', { evidence: z.string() }),
  happened('told', {
    outcome: z.enum(decisionOutcomes),
    scope: z.enum(decisionScopes).nullable(),
    reason: z.string(),
    doneBy: text,
    channel: text,
    whyNot: text,
    insight: z.string(),
  }),
  happened('sent', {
    purpose: z.string(),
    channel: z.string(),
    state: z.string(),
    error: text,
    round: z.number().nullable(),
  }),
  happened('vouched', { how: z.enum(['given', 'put_right', 'confirmed']) }),
  happened('confirmed', {
    says: z.enum(['yes', 'no']),
    question: z.enum(questionCodes),
    words: text,
    late: z.boolean(),
    round: z.number(),
  }),
  happened('closed', { how: z.string(), rule: text, reason: text, round: z.number() }),
  happened('repaired', { action: z.enum(['wake', 'resend', 'leave']), reason: z.string(), by: z.string() }),
]);
export type TimelineEvent = z.infer<typeof TimelineEvent>;

/** One kind of event. */
export type Happened<Kind extends TimelineEvent['kind']> = Extract<TimelineEvent, { kind: Kind }>;
