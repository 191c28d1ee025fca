/** What happened to a loop and what will happen if nobody acts: the rows behind a timeline. domain/timeline.ts makes sentences of them. */

import { z } from 'zod';
import { roles } from '../../domain/company.ts';
import { waits } from '../../domain/loop.ts';
import { TimelineEvent } from '../../domain/timelineEvents.ts';
import { sql, type Db } from '../pool.ts';

/** Everything that happened to a loop, oldest first. A signal's story goes on in its insight: what was decided there since it joined is part of it. */
export async function timelineOfLoop(db: Db, id: string): Promise<readonly TimelineEvent[]> {
  return db.any(sql.type(TimelineEvent)`
    select t.at, t.kind, t.by, t.detail
    from now.timeline_of(${id}::uuid) t
    order by
      t.at,
      -- What ends a round and what opens the next is recorded in one moment.
      coalesce((t.detail ->> 'round')::integer, (select count(*) from rounds r where r.loop_id = t.loop_id and r.opened_at < t.at)),
      t.rank`);
}

const RungNext = z.object({
  wait: z.enum(waits),
  step: z.number(),
  repeat: z.number(),
  role: z.enum([...roles, 'nobody']),
  due_at: z.date(),
});
export type RungNext = z.infer<typeof RungNext>;

/** The rungs of a loop's latest round that nobody has had to take, earliest first; also those of waits that have been met meanwhile. */
export async function rungsAheadOf(db: Db, loopId: string): Promise<readonly RungNext[]> {
  return db.any(sql.type(RungNext)`
    select wait, step, repeat, role, due_at
    from now.rungs_ahead
    where loop_id = ${loopId} and round = (select max(round) from rounds where loop_id = ${loopId})
    order by due_at, step, repeat`);
}
