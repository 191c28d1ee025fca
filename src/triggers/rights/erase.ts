/** "Erase me": words, name, addresses and letters go, at once and for good; what was done stays, in ids, codes and times. */

import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { erase as eraseFacts, holdsWords, mustNotName, type Erased } from '../../store/records/erasures.ts';
import type { Subject } from '../../store/records/subjects.ts';
import type { Heed } from '../heed.ts';
import type { By } from './subject.ts';

export const Reason = z
  .string()
  .trim()
  .min(1, 'is needed: why?')
  .max(300, 'must be at most 300 characters: it is kept, so it names nobody');

/** Throws `conflict` when there is nothing (any more) to erase, or the reason names the person it would outlive. */
export async function erase(heed: Heed, subject: Subject, { by, reason }: By & { reason: string }): Promise<Erased> {
  const { company } = await heed.configuration();
  const erased = await heed.pool.transaction(async (tx) => {
    const whom = { customerId: subject.customer_id, signalIds: subject.signals };
    if (!(await holdsWords(tx, whom)))
      throw new DomainError('conflict', 'Nothing is held about them any more: it has been erased before.');
    // Whoever asks for themselves gives no reason of their own.
    if (whom.customerId && by !== 'customer') await mustNotName(tx, whom.customerId, reason);
    return eraseFacts(tx, whom, {
      cause: 'asked',
      by,
      reason,
      company,
    });
  });
  heed.hint();
  return erased;
}
