/** Giving a loop to somebody else, with a reason. Their own clock begins; the customer's goes on. */

import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { oneLevelUp } from '../../domain/routing.ts';
import { own } from '../../store/records/ownerships.ts';
import { sql, type Db } from '../../store/pool.ts';
import type { Heed } from '../heed.ts';
import {
  mustBeOpen,
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
});
export type HandOver = z.infer<typeof HandOver>;

/** Twice is a search for the right person; a third time goes one level up instead. */
const mostHandOvers = 2;

/** Throws `validation` for an unknown colleague, `conflict` when it is theirs already. */
export function handOver(heed: Heed, responding: Responding, given: HandOver): Promise<Response> {
  return respondToSignal(heed, responding, async (signal, moment) => {
    mustBeOpen(signal, moment);
    return give(moment, { id: signal.id, round: signal.round, owner: signal.owner, place: signal.place }, given);
  });
}

export function handOverInsight(heed: Heed, responding: Responding, given: HandOver): Promise<Response> {
  return respondToInsight(heed, responding, async (insight, moment) => {
    if (insight.closed_at)
      throw new DomainError('conflict', 'This is closed: everyone who asked was told; there is nothing left to do.');
    return give(moment, { id: insight.id, round: insight.round, owner: insight.decider, place: insight.place }, given);
  });
}

async function give(
  moment: Moment,
  loop: { id: string; round: number; owner: string; place: string },
  { to, reason }: HandOver,
): Promise<Response> {
  const { company, tx, by, version } = moment;
  if (!company.staff[to])
    throw new DomainError('validation', `There is nobody called "${to}" among the staff.`, {
      invalidParams: [{ name: 'to', reason: 'unknown' }],
    });
  if (to === loop.owner) throw new DomainError('conflict', `It is with ${nameOf(moment, to)} already.`);
  const before = await handOversBefore(tx, loop.id, loop.round);
  const up = before >= mostHandOvers ? oneLevelUp(company, loop) : undefined;
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

function handOversBefore(db: Db, loopId: string, round: number): Promise<number> {
  return db.oneFirst(sql.type(z.object({ count: z.number() }))`
    select count(*)::integer as count from ownerships where loop_id = ${loopId} and round = ${round} and cause = 'handed_over'`);
}
