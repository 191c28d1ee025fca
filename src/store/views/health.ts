/** Whether the schema is current, whether work moves, and the counts for /metrics: read from the facts, so every process says the same. */

import { readdir } from 'node:fs/promises';
import { z } from 'zod';
import { sql, type Db } from '../pool.ts';

/** Names of the migrations that this version brings and the database does not have yet. */
export async function migrationsMissing(db: Db): Promise<string[]> {
  const files = await readdir(new URL('../../../sql/migrations/', import.meta.url));
  const applied = await db.anyFirst(sql.type(z.object({ name: z.string() }))`select name from migrations`);
  return files.map((file) => file.replace(/\.sql$/, '')).filter((name) => !applied.includes(name));
}

const Progress = z.object({
  wakes: z.number(),
  oldest_wake_seconds: z.number().nullable(),
  deliveries_due: z.number(),
  oldest_delivery_seconds: z.number().nullable(),
  needs_human: z.number(),
  last_rung_at: z.date().nullable(),
  last_delivery_at: z.date().nullable(),
  open_loops: z.number(),
  unchained: z.number(),
  oldest_unchained_seconds: z.number().nullable(),
});
export type Progress = z.infer<typeof Progress>;

/** What waits to be carried, for how long, and when something was last done. Samples are no work. */
export function progressOf(db: Db): Promise<Progress> {
  return db.one(sql.type(Progress)`
    select
      (select count(*)::integer from wakes where not_before <= heed_now()) as wakes,
      (select extract(epoch from clock_timestamp() - min(since))::float8 from wakes where not_before <= heed_now()) as oldest_wake_seconds,
      due.deliveries_due, due.oldest_delivery_seconds,
      (select count(*)::integer from deliveries where state = 'needs_human') as needs_human,
      (select max(taken_at) from escalations) as last_rung_at,
      (select max(ended_at) from deliveries where state in ('sent', 'delivered')) as last_delivery_at,
      (select count(*)::integer from now.open_loops) as open_loops,
      (select count(*)::integer from unchained) as unchained,
      (select extract(epoch from clock_timestamp() - min(since))::float8 from unchained) as oldest_unchained_seconds
    from (
      select count(*)::integer as deliveries_due, extract(epoch from heed_now() - min(not_before))::float8 as oldest_delivery_seconds
      from deliveries
      where state in ('planned', 'ready', 'sending', 'uncertain') and not_before <= heed_now()
    ) due`);
}

const Count = z.object({ metric: z.string(), label: z.string(), label2: z.string().nullable(), count: z.number() });

/** Counters, one row each. Labels are codes of ours, never an id. */
export function countsOf(db: Db): Promise<readonly z.infer<typeof Count>[]> {
  return db.any(sql.type(Count)`
    select 'captured' as metric, s.channel as label, null as label2, count(*)::integer as count
    from signals s join loops l on l.id = s.id where not l.sample group by s.channel
    union all
    select 'escalated', case when g.step > 3 then '4+' else g.step::text end, null, count(*)::integer
    from escalations e
    join plans p on p.id = e.plan_id
    join rungs g on g.plan_id = e.plan_id and g.step = e.step and g.repeat = e.repeat
    join loops l on l.id = p.loop_id
    where not l.sample and g.role <> 'nobody' group by 2
    union all
    select 'breached', p.wait, null, count(distinct p.id)::integer
    from escalations e
    join plans p on p.id = e.plan_id
    join rungs g on g.plan_id = e.plan_id and g.step = e.step and g.repeat = e.repeat
    join loops l on l.id = p.loop_id
    where not l.sample and g.role <> 'nobody' and (g.step > 0 or g.repeat > 0) group by p.wait
    union all
    select 'sent', d.channel, d.purpose, count(*)::integer
    from deliveries d where d.state in ('sent', 'delivered') group by d.channel, d.purpose
    union all
    select 'held', d.state, null, count(*)::integer
    from deliveries d where d.state in ('suppressed', 'cancelled', 'expired', 'failed', 'bounced', 'complained', 'needs_human') group by d.state
    union all
    select 'unused', '', null, count(*)::integer
    from now.insights i
    where not i.sample and i.closed_at is null and (i.outcome is null or i.outcome = 'deferred') and coalesce(i.wake_at, i.decide_by) < heed_now()`);
}
