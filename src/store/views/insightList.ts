/** What people ask for, as a list: what is to be decided first, the earliest date first; then what was decided, the latest first. */

import { z } from 'zod';
import type { Sight } from '../../domain/entitlement.ts';
import { sql, type Db } from '../pool.ts';
import { InsightNow } from './insights.ts';
import { placeIn } from './sight.ts';

const Line = InsightNow.extend({ words: z.string().nullable() });
export type InsightLine = z.infer<typeof Line>;

/** Insights with something said where `sight` reaches, or decided by `staff`: `most` of them, past the first `skip`. The words are the latest
 *  said there. */
export function insightList(
  db: Db,
  staff: string,
  sight: Sight,
  { skip, most }: { skip: number; most: number },
): Promise<readonly InsightLine[]> {
  return db.any(sql.type(Line)`
    select i.*, said.words
    from now.insights i
    left join lateral (
      select w.words, s.id from now.insight_signals x
      join signals s on s.id = x.signal_id
      join loops l on l.id = s.id
      left join words w on w.signal_id = s.id
      where x.insight_id = i.id and ${placeIn(sight)}
      order by s.said_at desc limit 1
    ) said on true
    where (said.id is not null or i.decider = ${staff})
      and coalesce(i.closed_how, '') not in ('joined', 'dismissed')
      -- A sample that a visitor's own insight has taken over is shown as that one.
      and not (i.sample and i.decision_id is null and not i.open_to_join)
    order by
      i.outcome is null or i.outcome = 'deferred' desc,
      case when i.outcome is null then i.decide_by when i.outcome = 'deferred' then i.wake_at end,
      i.decided_at desc,
      i.id desc
    limit ${most} offset ${skip}`);
}
