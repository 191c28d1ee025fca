/** What is true of signals now: rows of the view now.signals. */

import { z } from 'zod';
import { courses, moods, offers, verdicts } from '../../domain/company.ts';
import { questionCodes } from '../../domain/questions.ts';
import { sql, type Db } from '../pool.ts';
import { waitingFor, type Letter } from '../records/letters.ts';

export const SignalNow = z.object({
  id: z.string(),
  reference: z.string(),
  place: z.string(),
  sample: z.boolean(),
  channel: z.string(),
  captured_by: z.string().nullable(),
  customer_id: z.string().nullable(),
  mood: z.enum(moods).nullable(),
  taken: z.enum(offers).nullable(),
  said_at: z.date(),
  captured_at: z.date(),
  round: z.number(),
  level: z.number(),
  round_opened_at: z.date(),
  triage_verdict: z.enum(verdicts).nullable(),
  rule: z.string().nullable(),
  why: z.string().nullable(),
  verdict: z.enum(verdicts).nullable(),
  course: z.enum(courses).nullable(),
  kind: z.string().nullable(),
  priority: z.number().nullable(),
  triaged_at: z.date().nullable(),
  reviewed_at: z.date().nullable(),
  reviewed_by: z.string().nullable(),
  earlier: z.number().nullable(),
  owed: z.number().nullable(),
  asked_the_same: z.number().nullable(),
  enriched_at: z.date().nullable(),
  ownership_id: z.string(),
  owner: z.string(),
  owner_cause: z.string(),
  owner_reason: z.string(),
  owned_since: z.date(),
  acknowledged_at: z.date().nullable(),
  follow_up_id: z.string().nullable(),
  answer_channel: z.string().nullable(),
  answered_by: z.string().nullable(),
  answered_at: z.date().nullable(),
  final: z.boolean().nullable(),
  promised_for: z.date().nullable(),
  promised_on: z.string().nullable(),
  reach: z.string().nullable(),
  /** As they are reached, or 'phone' where what is owed to them now is a call in the place of a letter that did not arrive. */
  owed_by: z.string().nullable(),
  /** Whether they agreed to a call and have a number, whatever is owed to them. */
  may_be_called: z.boolean(),
  unreachable: z.string().nullable(),
  /** The customer asked that nothing be done with it for now. */
  restricted: z.boolean(),
  lifted_at: z.date().nullable(),
  lifting_id: z.string().nullable(),
  insight_id: z.string().nullable(),
  told_decision_id: z.string().nullable(),
  telling_id: z.string().nullable(),
  telling_since: z.date().nullable(),
  told_channel: z.string().nullable(),
  told_reason: z.string().nullable(),
  told_at: z.date().nullable(),
  told_outcome: z.string().nullable(),
  asked_at: z.date().nullable(),
  could_not_be_asked: z.string().nullable(),
  last_letter_id: z.string().nullable(),
  last_letter_state: z.string().nullable(),
  says: z.enum(['yes', 'no']).nullable(),
  confirmed_at: z.date().nullable(),
  closed_how: z.string().nullable(),
  /** What their "yes" closed it with; null where it closed otherwise. */
  closed_question: z.enum(questionCodes).nullable(),
  closed_at: z.date().nullable(),
  closed_by: z.string().nullable(),
  closed_reason: z.string().nullable(),
});
export type SignalNow = z.infer<typeof SignalNow>;

export async function signalNow(db: Db, id: string): Promise<SignalNow | null> {
  return db.maybeOne(sql.type(SignalNow)`select * from now.signal(${id}::uuid)`);
}

/** The open signals that are answered or told through this letter. */
export async function signalsWaitingFor(db: Db, letter: Letter): Promise<readonly SignalNow[]> {
  const signals: SignalNow[] = [];
  for (const id of await waitingFor(db, letter)) {
    const signal = await signalNow(db, id);
    if (signal && !signal.closed_at) signals.push(signal);
  }
  return signals;
}
