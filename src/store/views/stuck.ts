/** Loops that wait past their time: a rung nobody climbed, a wake nobody carried, a stage that does not end, a message in doubt or
 *  tried in vain. */

import { z } from 'zod';
import { ladderPlansOfSignal, waits, type PlanDue } from '../../domain/loop.ts';
import type { Company } from '../../domain/company.ts';
import type { Stuck } from '../../domain/stuck.ts';
import { sql, type Db } from '../pool.ts';
import { momentOf } from '../records/clock.ts';
import { insightNow, plansOf } from './insights.ts';
import { signalNow } from './signals.ts';

/** Nothing is late in the two minutes that a restart may take. */
const patienceSeconds = 120;
const patience = sql.fragment`make_interval(secs => ${patienceSeconds})`;

/** Longest waiting first. */
export async function stuckLoops(db: Db, company: Company): Promise<Stuck[]> {
  const found: Stuck[] = [
    ...(await overdueRungs(db, company)),
    ...(await wakesNotCarried(db)),
    ...(await stagesNotDone(db)),
    ...(await laddersNotBegun(db, company)),
    ...(await deliveriesInDoubt(db)),
    ...(await deliveriesInVain(db)),
  ];
  return found.sort((a, b) => b.waitedSeconds - a.waitedSeconds);
}

const loop = {
  loopId: z.string(),
  reference: z.string(),
  kind: z.enum(['signal', 'insight']),
  waitedSeconds: z.number(),
};
const Overdue = z.object({ ...loop, what: z.literal('rung'), wait: z.enum(waits) });

/** A rung stays ahead when its wait was met in time, so each candidate is held against the ladders that run. */
async function overdueRungs(db: Db, company: Company): Promise<Stuck[]> {
  const candidates = await db.any(sql.type(Overdue)`
    select 'rung' as what, a.loop_id as "loopId", coalesce(s.reference, i.reference) as reference, o.kind, a.wait,
      extract(epoch from heed_now() - min(a.due_at))::float8 as "waitedSeconds"
    from now.rungs_ahead a
    join now.open_loops o on o.id = a.loop_id and o.round = a.round
    left join signals s on s.id = a.loop_id
    left join insights i on i.id = a.loop_id
    where a.due_at < heed_now() - ${patience}
    group by a.loop_id, s.reference, i.reference, o.kind, a.wait`);
  const now = await momentOf(db);
  const stuck: Stuck[] = [];
  for (const candidate of candidates) {
    const { plans } = await laddersOf(db, company, { id: candidate.loopId, kind: candidate.kind }, now);
    if (plans.some(({ wait }) => wait === candidate.wait)) stuck.push(candidate);
  }
  return stuck;
}

const Wake = z.object({ ...loop, what: z.literal('wake'), attempts: z.number() });

async function wakesNotCarried(db: Db): Promise<readonly Stuck[]> {
  return db.any(sql.type(Wake)`
    select 'wake' as what, w.loop_id as "loopId", coalesce(s.reference, i.reference) as reference, l.kind, w.attempts,
      extract(epoch from clock_timestamp() - w.since)::float8 as "waitedSeconds"
    from wakes w
    join loops l on l.id = w.loop_id
    left join signals s on s.id = l.id
    left join insights i on i.id = l.id
    where w.since < clock_timestamp() - ${patience}`);
}

const Undone = z.object({ ...loop, what: z.literal('stage'), stage: z.enum(['captured', 'tell', 'finish']) });

/** What a story does without anybody's help, and has not: no rung tells of it, and what fails for ever is tried for ever. With a wake it has not
 *  begun. */
async function stagesNotDone(db: Db): Promise<readonly Stuck[]> {
  return db.any(sql.type(Undone)`
    select 'stage' as what, x.id as "loopId", x.reference, o.kind, x.stage,
      extract(epoch from heed_now() - x.since)::float8 as "waitedSeconds"
    from (
      select s.id, s.reference, 'captured' as stage, s.captured_at as since
      from signals s
      where not exists (select from triages t where t.signal_id = s.id)
      union all
      -- Telling a crowd takes a while: what counts is when the last of them was told.
      select i.id, i.reference, case when i.tellings < i.signals then 'tell' else 'finish' end,
        greatest(i.final_at, i.completed_at, (select max(t.settled_at) from told_signals t where t.decision_id = i.decision_id))
      from now.insights i
      where i.outcome <> 'deferred'
        and (i.tellings < i.signals or i.outcome = 'declined' or i.completed_at is not null)
    ) x
    join now.open_loops o on o.id = x.id
    where x.since < heed_now() - ${patience}
      and not exists (select from wakes w where w.loop_id = x.id)`);
}

const Unplanned = z.object({ id: z.string(), kind: z.enum(['signal', 'insight']) });

/** A round of which its story has planned nothing at all has no rung that could be late. */
async function laddersNotBegun(db: Db, company: Company): Promise<Stuck[]> {
  const unplanned = await db.any(sql.type(Unplanned)`
    select o.id, o.kind from now.open_loops o
    where not exists (select from plans p where p.loop_id = o.id and p.round = o.round)
      and not exists (select from wakes w where w.loop_id = o.id)`);
  const now = await momentOf(db);
  const stuck: Stuck[] = [];
  for (const { id, kind } of unplanned) {
    const { plans, reference } = await laddersOf(db, company, { id, kind }, now);
    const waitedSeconds = (now.getTime() - Math.min(...plans.map(({ from }) => from.getTime()))) / 1000;
    if (waitedSeconds > patienceSeconds)
      stuck.push({ what: 'stage', stage: 'ladder', loopId: id, kind, reference, waitedSeconds });
  }
  return stuck;
}

/** The ladders that must be running on a loop at `now`. */
async function laddersOf(
  db: Db,
  company: Company,
  { id, kind }: z.infer<typeof Unplanned>,
  now: Date,
): Promise<{ plans: readonly PlanDue[]; reference: string | null }> {
  const signal = kind === 'signal' ? await signalNow(db, id) : null;
  const insight = kind === 'insight' ? await insightNow(db, id) : null;
  const plans = signal ? ladderPlansOfSignal(signal) : insight ? plansOf(insight, company, now) : [];
  return { plans, reference: (signal ?? insight)?.reference ?? null };
}

/** A message, which may be about no loop. */
const message = {
  loopId: z.string().nullable(),
  reference: z.string().nullable(),
  kind: z.enum(['signal', 'insight']).nullable(),
  waitedSeconds: z.number(),
  messageId: z.string(),
  purpose: z.string(),
  channel: z.string(),
};
const Doubt = z.object({ ...message, what: z.literal('delivery'), state: z.enum(['uncertain', 'needs_human']) });

async function deliveriesInDoubt(db: Db): Promise<readonly Stuck[]> {
  return db.any(sql.type(Doubt)`
    select 'delivery' as what, d.loop_id as "loopId", coalesce(s.reference, i.reference) as reference, l.kind, d.state,
      d.message_id as "messageId", d.purpose, d.channel,
      extract(epoch from heed_now() - d.planned_at)::float8 as "waitedSeconds"
    from deliveries d
    left join loops l on l.id = d.loop_id
    left join signals s on s.id = l.id
    left join insights i on i.id = l.id
    where d.state = 'needs_human' or (d.state = 'uncertain' and d.planned_at < heed_now() - ${patience})`);
}

const InVain = z.object({ ...message, what: z.literal('tries'), attempts: z.number(), code: z.string() });

async function deliveriesInVain(db: Db): Promise<readonly Stuck[]> {
  return db.any(sql.type(InVain)`
    select 'tries' as what, d.loop_id as "loopId", coalesce(s.reference, i.reference) as reference, l.kind, d.attempts,
      d.last_error_code as code, d.message_id as "messageId", d.purpose, d.channel,
      extract(epoch from heed_now() - d.planned_at)::float8 as "waitedSeconds"
    from now.tried_in_vain d
    left join loops l on l.id = d.loop_id
    left join signals s on s.id = l.id
    left join insights i on i.id = l.id`);
}
