/** What lies in a period: the rows that the report counts and the drill lists, so that a number is always as long as its list. */

import type { Sight } from '../../domain/entitlement.ts';
import { sql } from '../pool.ts';

export interface Within {
  /** UTC; included. */
  from: Date;
  /** UTC; excluded. */
  to: Date;
  /** One of them. */
  place?: string | undefined;
  /** What whoever asks may see; everything when left out. */
  sight?: Sight | undefined;
}

/** Up to now: what falls due later today is not due yet. */
const during = (column: string, { from, to, ...where }: Within) => {
  const at = sql.identifier(column.split('.'));
  return sql.fragment`${at} >= ${sql.timestamp(from)} and ${at} < least(${sql.timestamp(to)}, heed_now()) and ${here(where)}`;
};

const here = ({ place, sight = 'everywhere' }: Pick<Within, 'place' | 'sight'>) => sql.fragment`
  ${place === undefined ? sql.fragment`true` : sql.fragment`place = ${place}`}
  and ${sight === 'everywhere' ? sql.fragment`true` : sql.fragment`place = any(${sql.array([...sight], 'text')})`}`;

/** An insight counts once, by its first date in the period. */
export const duesWithin = (within: Within) => sql.fragment`
  (select distinct on (insight_id) *, decided_at <= due_at as in_time from now.dues where ${during('due_at', within)} order by insight_id, due_at)`;

/** Of rounds that are open, or were closed when the period began or later: who was asked is asked before that, but for a letter that was in doubt for a
 *  while. One look-up a round (offset 0 keeps it so), or what became of every round there ever was is worked out first. */
export const claimsWithin = (within: Within) => sql.fragment`
  (select c.*
   from (
     select z.loop_id, z.round from closures z where z.closed_at >= ${sql.timestamp(within.from)} - interval '30 days'
     union
     select o.loop_id, o.round from open_rounds o
   ) lately
   cross join lateral (
     select * from now.claims x where x.signal_id = lately.loop_id and x.round = lately.round offset 0
   ) c
   where ${during('claimed_at', within)})`;

export const promisesWithin = (within: Within) =>
  sql.fragment`(select * from now.promises where ${during('due_at', within)})`;

export const passagesWithin = (within: Within) =>
  sql.fragment`(select * from now.passages where ${during('captured_at', within)})`;

/** What each signal captured in the period has come to, over its rounds. */
export const reachedWithin = (within: Within) => sql.fragment`
  (select signal_id, sample, place, captured_at, max(step) as step, (array_agg(closed_at order by round desc))[1] is null as open
   from ${passagesWithin(within)} passed group by signal_id, sample, place, captured_at)`;

/** Undecided insights with the date that counts now, past it or within seven days of it. */
export const undecidedAt = (where: Pick<Within, 'place' | 'sight'>) => sql.fragment`
  (select i.*, due.at as due_at, due.at < heed_now() as past
   from now.insights i
   cross join lateral (select case when i.outcome = 'deferred' then i.wake_at else i.decide_by end as at) due
   where i.closed_at is null
     -- A sample that a visitor's own insight has taken over stands here as that one.
     and not (i.sample and not i.open_to_join)
     and (i.outcome is null or i.outcome = 'deferred' and i.wake_at <= heed_now())
     and due.at < heed_now() + interval '7 days'
     and ${here(where)})`;
