/** A person answers the customer: they have read the words, changed them as they liked, and put their name to it. */

import { z } from 'zod';
import { endOfDay, isDate, localDate } from '../../domain/calendar.ts';
import { DomainError } from '../../domain/errors.ts';
import { planDelivery } from '../../store/records/deliveries.ts';
import { followUpOf, recordFollowUp, recordPromise } from '../../store/records/followUps.ts';
import { own } from '../../store/records/ownerships.ts';
import { askAboutPromise } from '../../store/records/repairs.ts';
import type { Heed } from '../heed.ts';
import { draftAnswer } from './draft.ts';
import {
  atTime,
  beforeYou,
  mustBeOpen,
  nameOf,
  respondToSignal,
  type Moment,
  type Responding,
  type Response,
} from './respond.ts';
import type { SignalNow } from '../../store/views/signals.ts';
import { whenItLeaves, type Held } from './whenItLeaves.ts';

export const FollowUp = z.strictObject({
  words: z.string().trim().min(1, 'must not be empty').max(5000, 'must be at most 5,000 characters'),
  subject: z.string().trim().min(1).max(200).optional(),
  /** A promise has a date: the last day (in the place's zone) on which it is kept. */
  promiseOn: z.string().refine(isDate, 'must be a date like 2026-06-18').optional(),
  /** From the second round on: the last word on this. */
  final: z.boolean().optional(),
});
export type FollowUp = z.infer<typeof FollowUp>;

/** Approves and sends. Throws `conflict` when somebody has answered, when there is nobody to reach, or when a call is owed;
 *  `validation` when the promised day is over, or would be before this can leave. */
export function approveFollowUp(heed: Heed, responding: Responding, approved: FollowUp): Promise<Response> {
  return respondToSignal(heed, responding, async (signal, moment) => {
    const { tx, by } = moment;
    mustBeAnswerable(signal, moment, approved.final);
    if (signal.owed_by === 'phone')
      throw new DomainError(
        'conflict',
        'What is owed to this customer is a call, not a letter. Call them and record how it went.',
      );
    const held = await whenItLeaves(tx, moment.company, signal, moment.now);
    const { id: followUpId, letters } = await recordAnswer(signal, moment, 'email', approved);
    if (held) mustPromiseLater(held, approved.promiseOn, moment);
    const subject = approved.subject ?? (await draftAnswer(tx, moment, signal, by)).subject;
    await planDelivery(tx, {
      // In the place of one that did not arrive it is another message.
      key: `answer:${signal.id}:${signal.round}:${followUpId}:${signal.customer_id}${letters > 0 ? `:${letters + 1}` : ''}`,
      purpose: 'answer',
      channel: 'email',
      loopId: signal.id,
      round: signal.round,
      customerId: signal.customer_id!,
      occasion: followUpId,
      body: { subject, text: approved.words },
    });
    return {
      sentence: held
        ? `It leaves in your name ${atTime(held.until, moment)}: until then ${why[held.by]}.`
        : 'Sent in your name. They can answer you directly.',
      factId: followUpId,
    };
  });
}

const why = {
  cap: 'they have had as many letters as one customer gets',
  quiet_hours: 'nobody is written to',
} as const;

/** Throws `validation` where a promised day would be over before the letter that promises it can leave. */
function mustPromiseLater(held: Held, promiseOn: string | undefined, moment: Moment): void {
  if (!promiseOn || promiseOn >= localDate(held.until, moment.zone)) return;
  const leaves = atTime(held.until, moment);
  throw new DomainError(
    'validation',
    `This one leaves ${leaves}: until then ${why[held.by]}. Promise that day or a later one, or nothing.`,
    { invalidParams: [{ name: 'promiseOn', reason: `is over before this can leave, ${leaves}` }] },
  );
}

/** Throws unless this is the moment to answer the customer of a signal. */
export function mustBeAnswerable(signal: SignalNow, moment: Moment, final?: boolean): void {
  mustBeOpen(signal, moment);
  if (!signal.verdict || signal.verdict === 'review')
    throw new DomainError('conflict', 'Nobody has said yet what this is. Read it first.');
  if (signal.answered_by)
    throw new DomainError(
      'conflict',
      `${nameOf(moment, signal.answered_by)} answered ${beforeYou(signal.answered_at!, moment)}.`,
    );
  // By rule, when there was no way to them; their address may have been put right since.
  if (signal.answered_at)
    throw new DomainError(
      'conflict',
      'It was recorded that there was nobody to answer in this round. They hear what is decided.',
    );
  if (!signal.reach)
    throw new DomainError('conflict', nobodyToReach[signal.unreachable ?? 'nobody'] ?? nobodyToReach['nobody']!);
  if (final && signal.round === 1)
    throw new DomainError('conflict', 'A final answer is for the second round: first hear what they say to this one.');
}

const nobodyToReach: Record<string, string> = {
  nobody: 'There is nobody to answer: no customer was captured with it.',
  no_consent: 'They did not agree to be written to or called, so there is nobody to answer.',
  no_address: 'There is no address they agreed to, so there is nobody to answer.',
  wrong_number: 'The number they left is somebody else’s, so there is nobody to answer.',
  suppressed: 'They asked us to stop writing, so there is nobody to answer.',
  bounced: 'The address they left takes no mail, so there is nobody to answer.',
  not_me: 'Whoever has this address says it was not them, so there is nobody to answer.',
};

/** The fact of an answer, with its promise; whoever answers what was not theirs has taken it. `letters`: how many were written for it before. */
export async function recordAnswer(
  signal: SignalNow,
  { tx, company, by, version, now, zone }: Moment,
  channel: 'email' | 'phone',
  answer: { promiseOn?: string | undefined; final?: boolean | undefined },
): Promise<{ id: string; letters: number }> {
  if (signal.owner !== by)
    await own(tx, {
      loopId: signal.id,
      round: signal.round,
      staff: by,
      cause: 'taken',
      reason: 'you answered',
      by,
      configuration: version,
    });
  // A round has one answer on record: what takes the place of a letter that did not arrive adds none.
  const recorded = await followUpOf(tx, signal.id, signal.round);
  const letter = channel === 'phone' || recorded?.channel === 'email' ? recorded : null;
  if (letter?.promised_on && answer.promiseOn) {
    const became = letter.promised_on < localDate(now, zone) ? 'it is over' : 'that day stands';
    throw new DomainError(
      'conflict',
      `The letter that did not arrive promised a day, and ${became}. Answer without another.`,
    );
  }
  if (letter && answer.final !== undefined && answer.final !== letter.final)
    throw new DomainError(
      'conflict',
      letter.final
        ? 'The letter that did not arrive was our final answer, and that stands. Record this as final, too.'
        : 'The letter that did not arrive was not our final answer, and that stands. Record this without calling it final.',
    );
  const followUpId =
    letter?.id ??
    (await recordFollowUp(tx, {
      loopId: signal.id,
      round: signal.round,
      channel,
      by,
      final: answer.final ?? false,
    }));
  if (answer.promiseOn) {
    if (answer.promiseOn < localDate(now, zone)) {
      throw new DomainError('validation', 'The promised day is over. Promise a day to come, or nothing.', {
        invalidParams: [{ name: 'promiseOn', reason: 'is over' }],
      });
    }
    const dueAt = endOfDay(answer.promiseOn, zone);
    await recordPromise(tx, { loopId: signal.id, followUpId, dueOn: answer.promiseOn, dueAt });
    // What is decided keeps it by being told, and a ladder calls until it is.
    if (signal.course !== 'decide') await askAboutPromise(tx, company, { ...signal, owner: by }, { followUpId, dueAt });
  }
  return { id: followUpId, letters: letter?.letters ?? 0 };
}
