/** A person reads what the rules were unsure of. */

import { z } from 'zod';
import { courses } from '../../domain/company.ts';
import { DomainError } from '../../domain/errors.ts';
import { closeRound } from '../../store/records/loops.ts';
import { recordReview } from '../../store/records/triages.ts';
import type { Heed } from '../heed.ts';
import { tellCapturer } from './news.ts';
import { beforeYou, mustBeOpen, nameOf, respondToSignal, type Responding, type Response } from './respond.ts';

export const Review = z
  .strictObject({
    verdict: z.enum(['pursue', 'dismiss']),
    course: z.enum(courses).optional(),
    kind: z.string().trim().min(1).max(64).optional(),
    priority: z.coerce.number().int().min(1).max(5).optional(),
    reason: z.string().trim().min(1).max(500).optional(),
  })
  .refine((review) => review.verdict !== 'pursue' || review.course, {
    path: ['course'],
    error: 'is needed to pursue it: thank, answer, or decide',
  })
  .refine((review) => review.verdict !== 'dismiss' || review.reason, {
    path: ['reason'],
    error: 'is needed to dismiss it: nothing ends in silence',
  });
export type Review = z.infer<typeof Review>;

/** Throws `conflict` when the rules were sure, or a colleague has read it. */
export function review(heed: Heed, responding: Responding, said: Review): Promise<Response> {
  return respondToSignal(heed, responding, async (signal, moment) => {
    const { tx, by, company } = moment;
    mustBeOpen(signal, moment);
    if (said.kind && !company.kinds[said.kind]) {
      throw new DomainError(
        'validation',
        `There is no kind "${said.kind}". Kinds are: ${Object.keys(company.kinds).join(', ')}.`,
        {
          invalidParams: [{ name: 'kind', reason: 'unknown' }],
        },
      );
    }
    if (signal.reviewed_by)
      throw new DomainError(
        'conflict',
        `${nameOf(moment, signal.reviewed_by)} read this ${beforeYou(signal.reviewed_at!, moment)}.`,
      );
    if (signal.triage_verdict !== 'review')
      throw new DomainError('conflict', 'The rules were sure of this one; it needs no review.');
    await recordReview(tx, { signalId: signal.id, ...said, by });
    if (said.verdict === 'pursue') return { sentence: 'Thank you. It goes on from here.', factId: signal.id };
    await closeRound(tx, { loopId: signal.id, round: signal.round, how: 'dismissed', by, reason: said.reason! });
    await tellCapturer(moment, signal, 'dismissed');
    return { sentence: 'Dismissed. Whoever captured it is told why.', factId: signal.id };
  });
}
