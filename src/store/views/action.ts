/** Whether what a link was sent for is still its receiver's to do. */

import { z } from 'zod';
import { sql, type Db } from '../pool.ts';

const TheirsRow = z.object({ theirs: z.boolean() });

/** They hold the loop, or its ladder has told them in this round and they have not given it away since. */
export function stillTheirs(db: Db, loopId: string, staff: string): Promise<boolean> {
  return db.oneFirst(sql.type(TheirsRow)`
    with held as (
      select o.ended_at from ownerships o
      where o.loop_id = ${loopId} and o.staff = ${staff}
        and o.round = (select max(r.round) from rounds r where r.loop_id = ${loopId})
    ),
    told as (
      select e.taken_at from escalations e join plans p on p.id = e.plan_id
      where p.loop_id = ${loopId} and e.staff = ${staff}
        and p.round = (select max(r.round) from rounds r where r.loop_id = ${loopId})
      union all
      select s.planned_at from now.stand_ins s
      where s.loop_id = ${loopId} and s.staff = ${staff}
        and s.round = (select max(r.round) from rounds r where r.loop_id = ${loopId})
    )
    select
      exists (select from held where ended_at is null)
      or exists (select from told where not exists (select from held where held.ended_at >= told.taken_at)) as theirs`);
}
