/** Whether the schema is current, whether work moves, and the counts for /metrics: read from the facts, so every process says the same. */

import { readdir } from 'node:fs/promises';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { sql, type Db } from '../pool.ts';

const NameRow = z.object({ name: z.string() });

/** Names of the migrations that this version brings and the database does not have yet. */
export async function migrationsMissing(db: Db): Promise<string[]> {
  const { known, applied } = await migrationsOf(db);
  return known.filter((name) => !applied.includes(name));
}

/** Throws a sentence where a later Heed has migrated the database: what this one reads and writes there may mean something else by now. */
export async function mustNotBeLater(db: Db): Promise<void> {
  mustBeKnown(await migrationsOf(db));
}

/** The same, of migrations by their names. */
export function mustBeKnown({ known, applied }: { known: readonly string[]; applied: readonly string[] }): void {
  const later = applied.filter((name) => !known.includes(name));
  if (later.length > 0)
    throw new DomainError(
      'conflict',
      `This database is of a later Heed, which has changed it by ${later.join(', ')}. Start that version; to go back to this one, restore a backup that it made.`,
    );
}

async function migrationsOf(db: Db): Promise<{ known: string[]; applied: readonly string[] }> {
  const files = await (brought ??= readdir(new URL('../../../sql/migrations/', import.meta.url)));
  const applied = await db.anyFirst(sql.type(NameRow)`select name from migrations order by id`);
  return { known: files.map((file) => file.replace(/\.sql$/, '')), applied };
}

/** A process brings the same ones for as long as it lives. */
let brought: Promise<string[]> | undefined;

const Waiting = z.object({
  oldest_wake_seconds: z.number().nullable(),
  oldest_delivery_seconds: z.number().nullable(),
});
export type Waiting = z.infer<typeof Waiting>;

/** For how long what is due has waited, but for what nobody waits for. Asked by anybody, and often: it reads the little that waits, and nothing that
 *  grows. */
export function longestWaiting(db: Db): Promise<Waiting> {
  return db.one(sql.type(Waiting)`
    select
      (select extract(epoch from clock_timestamp() - min(since))::float8 from wakes where not_before <= heed_now()) as oldest_wake_seconds,
      (select extract(epoch from heed_now() - least(min(not_before), ${triedInVainSince}))::float8 from deliveries
       where state in ('planned', 'ready', 'sending', 'uncertain') and not unhurried and not_before <= heed_now()) as oldest_delivery_seconds`);
}

/** Carried to Temporal, and no story has read it: among the newest, so that a look at it costs the same however much was ever said. */
const oldestUnread = sql.fragment`(
  select extract(epoch from heed_now() - min(s.captured_at))::float8
  from (select id, captured_at from signals order by captured_at desc, id desc limit 200) s
  where not exists (select from triages t where t.signal_id = s.id)
    and not exists (select from wakes w where w.loop_id = s.id)
    and exists (select from now.open_loops o where o.id = s.id)) as oldest_unread_seconds`;

/** What is put off again and again is never due for long, and has waited since it was put off first. */
const triedInVainSince = sql.fragment`(select min(failing_since) from now.tried_in_vain)`;

const Progress = z.object({
  wakes: z.number(),
  oldest_wake_seconds: z.number().nullable(),
  deliveries_due: z.number(),
  oldest_delivery_seconds: z.number().nullable(),
  oldest_unread_seconds: z.number().nullable(),
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
      due.deliveries_due, due.oldest_delivery_seconds, ${oldestUnread},
      (select count(*)::integer from deliveries where state = 'needs_human') as needs_human,
      (select max(taken_at) from escalations) as last_rung_at,
      (select max(ended_at) from deliveries where state in ('sent', 'delivered')) as last_delivery_at,
      (select count(*)::integer from now.open_loops) as open_loops,
      (select count(*)::integer from unchained) as unchained,
      (select extract(epoch from clock_timestamp() - min(since))::float8 from unchained) as oldest_unchained_seconds
    from (
      select count(*)::integer as deliveries_due,
        extract(epoch from heed_now() - least(min(not_before), ${triedInVainSince}))::float8 as oldest_delivery_seconds
      from deliveries
      where state in ('planned', 'ready', 'sending', 'uncertain') and not unhurried and not_before <= heed_now()
    ) due`);
}

const Count = z.object({ metric: z.string(), label: z.string(), label2: z.string().nullable(), count: z.number() });

/** From when facts are counted. As with a process that is started again, whoever watches knows that a counter may begin anew; and what was counted
 *  over all there ever was would take longer from year to year, until Postgres gave it up. */
const countedSince = sql.fragment`date_trunc('week', heed_now())`;

/** Counters, one row each. Labels are codes of ours, never an id. */
export function countsOf(db: Db): Promise<readonly z.infer<typeof Count>[]> {
  return db.any(sql.type(Count)`
    select 'captured' as metric, s.channel as label, null as label2, count(*)::integer as count
    from signals s join loops l on l.id = s.id
    where s.captured_at >= ${countedSince} and not l.sample group by s.channel
    union all
    select 'escalated', case when g.step > 3 then '4+' else g.step::text end, null, count(*)::integer
    from escalations e
    join plans p on p.id = e.plan_id
    join rungs g on g.plan_id = e.plan_id and g.step = e.step and g.repeat = e.repeat
    join loops l on l.id = p.loop_id
    where e.taken_at >= ${countedSince} and not l.sample and g.role <> 'nobody' group by 2
    union all
    select 'breached', p.wait, null, count(distinct p.id)::integer
    from escalations e
    join plans p on p.id = e.plan_id
    join rungs g on g.plan_id = e.plan_id and g.step = e.step and g.repeat = e.repeat
    join loops l on l.id = p.loop_id
    where e.taken_at >= ${countedSince} and not l.sample and g.role <> 'nobody' and (g.step > 0 or g.repeat > 0)
      and not exists (
        select from escalations b
        where b.plan_id = e.plan_id and b.taken_at < ${countedSince} and (b.step > 0 or b.repeat > 0))
    group by p.wait
    union all
    select 'sent', d.channel, d.purpose, count(*)::integer
    from deliveries d where d.ended_at >= ${countedSince} and d.state in ('sent', 'delivered') group by d.channel, d.purpose
    union all
    select 'held', d.state, null, count(*)::integer
    from deliveries d
    where d.ended_at >= ${countedSince} and d.state in ('suppressed', 'cancelled', 'expired', 'failed', 'bounced', 'complained') group by d.state
    union all
    -- Whatever waits for a person now.
    select 'held', 'needs_human', null, count(*)::integer from deliveries where state = 'needs_human'
    union all
    select 'unused', '', null, count(*)::integer
    from now.insights i
    where i.id in (select o.id from now.open_loops o where o.kind = 'insight')
      and (i.outcome is null or i.outcome = 'deferred') and coalesce(i.wake_at, i.decide_by) < heed_now()`);
}

/** In seconds: from what a machine may take to what a company may. */
export const bounds = [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400, 259_200, 604_800, 2_592_000];

const Spread = z.object({
  metric: z.enum(['stage', 'lateness']),
  label: z.string().nullable(),
  /** Of `bounds`: how many it is not below; null for the sum over all. */
  bound: z.number().nullable(),
  count: z.number(),
  seconds: z.number(),
});

/** How long things took, as counts between the bounds and one sum each: to each stage of a round, from when it was opened; and how late each
 *  rung was taken. */
export function spreadsOf(db: Db): Promise<readonly z.infer<typeof Spread>[]> {
  return db.any(sql.type(Spread)`
    with took as (
      select 'acknowledged' as stage, min(a.acknowledged_at) - r.opened_at as long
      from acknowledgements a
      join rounds r on r.loop_id = a.loop_id and r.round = a.round
      join loops l on l.id = r.loop_id
      where a.acknowledged_at >= ${countedSince} and l.kind = 'signal' and not l.sample
        and not exists (
          select from acknowledgements b where b.loop_id = a.loop_id and b.round = a.round and b.acknowledged_at < ${countedSince})
      group by r.loop_id, r.round, r.opened_at
      union all
      select 'answered', f.answered_at - r.opened_at
      from follow_ups x
      join now.answers f on f.id = x.id
      join rounds r on r.loop_id = f.loop_id and r.round = f.round
      join loops l on l.id = r.loop_id
      where x.followed_up_at >= ${countedSince} and f.channel <> 'none' and not l.sample
      union all
      select 'closed', z.closed_at - r.opened_at
      from closures z
      join rounds r on r.loop_id = z.loop_id and r.round = z.round
      join loops l on l.id = r.loop_id
      where z.closed_at >= ${countedSince} and l.kind = 'signal' and not l.sample
      union all
      select 'decided', min(d.decided_at) - i.opened_at
      from decisions d join insights i on i.id = d.insight_id join loops l on l.id = i.id
      where d.outcome <> 'deferred' and not l.sample
      group by i.id, i.opened_at
      having min(d.decided_at) >= ${countedSince}
    ),
    measured as (
      select 'stage' as metric, stage as label, extract(epoch from long)::float8 as seconds from took
      union all
      select 'lateness', null, extract(epoch from e.taken_at - g.due_at)::float8
      from escalations e
      join plans p on p.id = e.plan_id
      join rungs g on g.plan_id = e.plan_id and g.step = e.step and g.repeat = e.repeat
      join loops l on l.id = p.loop_id
      where e.taken_at >= ${countedSince} and not l.sample
    ),
    placed as (
      select metric, label, greatest(0, seconds) as seconds,
        width_bucket(seconds, ${sql.array(bounds, 'float8')}) as bound
      from measured
    )
    select metric, label, bound, count(*)::integer as count, coalesce(sum(seconds), 0)::float8 as seconds
    from placed
    group by grouping sets ((metric, label, bound), (metric, label))
    order by metric, label, bound nulls last`);
}
