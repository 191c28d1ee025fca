/** What people ask for, as a list: what is to be decided first, the earliest date first; then what was decided, the latest first. */

import { z } from 'zod';
import type { Sight } from '../../domain/entitlement.ts';
import { sql, type Db } from '../pool.ts';
import { restsOf } from '../records/rights.ts';
import { InsightNow } from './insights.ts';
import { placeIn } from './sight.ts';

const Line = InsightNow.extend({ words: z.string().nullable(), rests: z.boolean() });
export type InsightLine = z.infer<typeof Line>;

/** Insights with something said where `sight` reaches, or decided by `staff`: `most` of them, past the first `skip`. The words are the latest
 *  said there. What closed undecided, as nobody is left who asked, is no longer asked for. */
export function insightList(
  db: Db,
  staff: string,
  sight: Sight,
  { skip, most }: { skip: number; most: number },
): Promise<readonly InsightLine[]> {
  return db.any(sql.type(Line)`
    -- Put in order by little, looked at in that order until there are enough (offset 0 keeps it so), and only those read in full: there are ever more.
    with page as materialized (
      select listed.* from (
        select i.id, d.outcome is null or d.outcome = 'deferred' as undecided,
          case when d.outcome is null then i.decide_by when d.outcome = 'deferred' then d.wake_at end as due, d.decided_at
        from insights i
        join loops o on o.id = i.id
        left join now.decisions d on d.insight_id = i.id
        where (d.outcome in ('adopted', 'declined') or exists (select from open_rounds r where r.loop_id = i.id))
          -- A sample that a visitor's own insight has taken over is shown as that one.
          and not (o.sample and d.id is null and not exists (select from open_insights x where x.insight_id = i.id))
        order by undecided desc, due, d.decided_at desc, i.id desc
        offset 0
      ) listed
      where (
          exists (select from ownerships w where w.loop_id = listed.id and w.ended_at is null and w.staff = ${staff})
          or exists (
            select from now.insight_signals x join loops l on l.id = x.signal_id
            where x.insight_id = listed.id and ${placeIn(sight)} offset 0))
        and not exists (select from closures z where z.loop_id = listed.id and z.how in ('joined', 'dismissed') offset 0)
      order by undecided desc, due, decided_at desc, id desc
      limit ${most} offset ${skip}
    )
    select i.*, said.words, coalesce(said.rests, false) as rests
    from page
    cross join lateral (select * from now.insights x where x.id = page.id offset 0) i
    left join lateral (
      select w.words, ${restsOf(sql.fragment`s.customer_id`)} as rests
      from now.insight_signals x
      join signals s on s.id = x.signal_id
      join loops l on l.id = s.id
      left join words w on w.signal_id = s.id
      where x.insight_id = i.id and ${placeIn(sight)}
      order by s.said_at desc limit 1
    ) said on true
    order by page.undecided desc, page.due, page.decided_at desc, page.id desc`);
}
