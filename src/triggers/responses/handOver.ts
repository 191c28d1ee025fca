/** Giving a loop to somebody else, with a reason. Their own clock begins; the customer's goes on. */

import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { oneLevelUp } from '../../domain/routing.ts';
import { giverOf, handOversBefore, own } from '../../store/records/ownerships.ts';
import { askAboutDoubt, inDoubt } from '../../store/records/repairs.ts';
import { signalNow } from '../../store/views/signals.ts';
import type { Heed } from '../heed.ts';
import {
  beforeYou,
  mustBeOpen,
  mustHoldSomebody,
  nameOf,
  respondToInsight,
  respondToSignal,
  type Moment,
  type Responding,
  type Response,
} from './respond.ts';

export const HandOver = z.strictObject({
  to: z.string().trim().min(1, 'must name a colleague'),
  reason: z.string().trim().min(1, 'must not be empty: why them?').max(500, 'must be at most 500 characters'),
  /** Whom it was with when this was pressed: with somebody else by then, nothing is taken from them. */
  holder: z.string().trim().min(1).optional(),
});
export type HandOver = z.infer<typeof HandOver>;

/** Twice is a search for the right person; a third time goes one level up instead. */
const mostHandOvers = 2;

/** Throws `validation` for an unknown colleague, `conflict` when it is theirs already or somebody else has handed it over meanwhile. */
export function handOver(heed: Heed, responding: Responding, given: HandOver): Promise<Response> {
  return respondToSignal(heed, responding, async (signal, moment) => {
    mustBeOpen(signal, moment);
    const { id, round, owner, place, owned_since: since } = signal;
    const response = await give(moment, { id, round, owner, place, since }, given);
    await askAboutDoubts(moment, id);
    return response;
  });
}

/** A letter in doubt is settled by whoever answers for it, and no ladder calls them about it. */
async function askAboutDoubts({ tx, company }: Moment, signalId: string): Promise<void> {
  const doubtful = (await inDoubt(tx, signalId)).filter(
    ({ customer_id: customer, state }) => customer !== null && state === 'needs_human',
  );
  if (doubtful.length === 0) return;
  const signal = (await signalNow(tx, signalId))!;
  for (const letter of doubtful) await askAboutDoubt(tx, company, signal, letter);
}

export function handOverInsight(heed: Heed, responding: Responding, given: HandOver): Promise<Response> {
  return respondToInsight(heed, responding, async (insight, moment) => {
    mustHoldSomebody(insight);
    if (insight.closed_at)
      throw new DomainError('conflict', 'This is closed: everyone who asked was told; there is nothing left to do.');
    const { id, round, decider: owner, place, owned_since: since } = insight;
    return give(moment, { id, round, owner, place, since }, given);
  });
}

async function give(
  moment: Moment,
  loop: { id: string; round: number; owner: string; place: string; since: Date },
  { to, reason, holder }: HandOver,
): Promise<Response> {
  const { company, tx, by, version } = moment;
  if (!company.staff[to])
    throw new DomainError('validation', `There is nobody called "${to}" among the staff.`, {
      invalidParams: [{ name: 'to', reason: 'unknown' }],
    });
  if (to === loop.owner) throw new DomainError('conflict', `It is with ${nameOf(moment, to)} already.`);
  if (holder !== undefined && holder !== loop.owner) throw await wentAlready(moment, loop);
  const before = await handOversBefore(tx, loop.id, loop.round);
  const above = before >= mostHandOvers ? oneLevelUp(company, loop) : undefined;
  // Above the executive there is nobody: whom they give it to has it.
  const up = above && above.staff !== loop.owner ? above : undefined;
  const factId = await own(tx, {
    loopId: loop.id,
    round: loop.round,
    staff: up?.staff ?? to,
    cause: 'handed_over',
    reason: up ? `it had been handed over ${before} times, so it goes one level up (${reason})` : reason,
    by,
    configuration: version,
  });
  const sentence = up
    ? `This has been handed over ${before} times before, so it goes one level up, to ${nameOf(moment, up.staff)}.`
    : `It is with ${nameOf(moment, to)} now.`;
  return { sentence, factId };
}

/** Whoever is slower is told who gave it to whom. */
async function wentAlready(
  moment: Moment,
  { id, owner, since }: { id: string; owner: string; since: Date },
): Promise<DomainError> {
  const giver = await giverOf(moment.tx, id);
  const [to, when] = [nameOf(moment, owner), beforeYou(since, moment)];
  const who =
    giver === owner ? `${to} took it` : giver ? `${nameOf(moment, giver)} gave it to ${to}` : `It came to ${to}`;
  return new DomainError('conflict', `${who} ${when}.`);
}
