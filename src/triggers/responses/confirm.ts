/** The customer says whether it is settled. A no opens the next round, one level up, even after closing; a late yes still counts. */

import { z } from 'zod';
import { mayActOnSignal } from '../../domain/entitlement.ts';
import { DomainError } from '../../domain/errors.ts';
import { lastWordHeard, lastWordOf } from '../../domain/loop.ts';
import { questionOf } from '../../domain/questions.ts';
import { oneLevelUp } from '../../domain/routing.ts';
import { questionSaidTo, recordConfirmation } from '../../store/records/confirmations.ts';
import { isErased } from '../../store/records/erased.ts';
import { closeRound, factRecorded, lockLoop, openRound } from '../../store/records/loops.ts';
import { own } from '../../store/records/ownerships.ts';
import { toldByLadder } from '../../store/records/plans.ts';
import { press, pressed, type Press } from '../../store/records/presses.ts';
import type { Tx } from '../../store/pool.ts';
import { signalNow } from '../../store/views/signals.ts';
import type { Heed } from '../heed.ts';
import { tellCapturer } from './news.ts';
import { inTurn, nameOf, type Response } from './respond.ts';

export const Confirmation = z.strictObject({
  says: z.enum(['yes', 'no']),
  words: z.string().trim().min(1).max(2000, 'must be at most 2,000 characters').optional(),
});
export type Confirmation = z.infer<typeof Confirmation>;

/** `by`: the colleague who heard it; absent when the customer says it themselves. Throws `conflict` when they have not been answered yet,
 *  or the signal was dismissed or erased; saying the same twice is answered alike, unless what came in between opened or closed a round. */
export async function confirm(
  heed: Heed,
  responding: { loopId: string; by?: string; press: Press },
  { says, words }: Confirmation,
): Promise<Response> {
  const { company, version } = await heed.configuration();
  const by = responding.by;
  if (by && !company.staff[by]) throw new DomainError('forbidden', `There is nobody called "${by}" among the staff.`);
  const response = await inTurn(heed, { by, press: responding.press }, async (tx) => {
    const about = `${responding.loopId} ${says} ${responding.press.content ?? ''}`;
    const made = await press(tx, { ...responding.press, content: about }, by ?? 'customer');
    if (made.first) return { ...(made.first as unknown as Response), replayed: true };
    const { sample, now } = await lockLoop(tx, responding.loopId);
    const signal = await signalNow(tx, responding.loopId);
    if (!signal || sample) throw new DomainError('not_found', 'There is nothing here under that address.');
    if (by && !mayActOnSignal(company, by, { ...signal, told: await toldByLadder(tx, signal.id, signal.round) }))
      throw new DomainError('forbidden', 'This was not given to you, so what they said is not yours to record.');
    if (signal.closed_how === 'dismissed')
      throw new DomainError('conflict', 'This was closed without an answer, so there is nothing to confirm.');
    // Their own links are revoked; and a "no" that a colleague heard would ask somebody to answer what nobody can read any more.
    if (await isErased(tx, signal.id))
      throw new DomainError(
        'conflict',
        'What was said here has been erased, so there is nothing to confirm. If something is left open, capture it anew.',
      );

    const moment = { tx, company, version, now, by: by ?? '' };
    // A colleague who heard them knows what we wrote to them, also while that waits to leave.
    const lastWordSaid = by ? lastWordOf(signal) : lastWordHeard(signal);
    const isOver = signal.closed_at !== null;
    // A round is opened by what they said to the one before: until it has a last word of its own, that is what they speak of.
    const spokenOf = lastWordSaid ? signal.round : signal.round - 1;
    const question = (!lastWordSaid && (await questionSaidTo(tx, signal.id, spokenOf))) || questionOf(signal);
    // Nobody answers them before they lift it.
    const goesOn = (owner: string): string =>
      signal.restricted
        ? 'You asked us to let this rest: it is kept, and goes on when you tell us so.'
        : `${nameOf(moment, owner)} will read it and answer you.`;
    const thanks =
      says === 'yes'
        ? `Thank you. We are glad it ${question === 'explained' ? 'was explained clearly' : 'is settled'}.`
        : signal.final && lastWordSaid
          ? 'Thank you for saying so. We have given our final answer, and what you said is kept with it.'
          : `Thank you for saying so. ${goesOn(signal.owner)}`;
    const again = (): Promise<Response> =>
      kept(tx, made.id, signal.id, { sentence: words ? `${thanks} ${saidBefore}` : thanks, factId: null });
    // Said again while somebody is on it already.
    if (!lastWordSaid && signal.round > 1 && says === 'no' && !isOver) return again();
    if (!lastWordSaid && signal.round === 1)
      throw new DomainError(
        'conflict',
        'We have not answered yet. You will hear from us, and can say then whether it is settled.',
      );

    const late = signal.closed_how === 'silent';
    const said = { loopId: signal.id, says, question, words, by, late } as const;
    let factId = await recordConfirmation(tx, { ...said, round: spokenOf });
    // Said of that round before, and unsaid since: it is of the one that this opened, or that this closed, and counts there.
    if (!factId && (says === 'yes' ? !isOver : !lastWordSaid))
      factId = await recordConfirmation(tx, { ...said, round: signal.round });
    if (!factId) return again();
    let sentence = thanks;
    if (says === 'yes') {
      await closeRound(tx, {
        loopId: signal.id,
        round: signal.round,
        how: 'settled',
        ...(by ? { by } : { rule: 'the customer said yes' }),
      });
      await tellCapturer(moment, signal, 'settled');
    } else if (signal.final) {
      await closeRound(tx, {
        loopId: signal.id,
        round: signal.round,
        how: 'final',
        rule: 'the final answer was given',
      });
    } else {
      await closeRound(tx, {
        loopId: signal.id,
        round: signal.round,
        how: 'not_settled',
        rule: 'the customer said no',
      });
      const next = await openRound(tx, signal.id);
      const up = oneLevelUp(company, { owner: signal.owner, place: signal.place });
      await own(tx, {
        loopId: signal.id,
        round: next,
        staff: up.staff,
        cause: 'not_settled',
        reason: up.why,
        configuration: version,
      });
      await tellCapturer(moment, signal, 'not_settled');
      sentence = `Thank you for saying so. ${goesOn(up.staff)}`;
    }
    await factRecorded(tx, signal.id);
    return kept(tx, made.id, signal.id, { sentence, factId });
  });
  heed.hint();
  return response;
}

const saidBefore = 'That had been said before: only what was added then is kept.';

/** A repeat of this press is given the same answer, until what it is about is erased. */
async function kept(tx: Tx, pressId: string, signalId: string, response: Response): Promise<Response> {
  await pressed(tx, pressId, response.factId ?? signalId, response);
  return response;
}
