/** Ladders of a loop: planned once for an occasion, taken rung by rung. Rows never change. */

import { z } from 'zod';
import type { Role } from '../../domain/company.ts';
import { newId } from '../../domain/ids.ts';
import { waits, type Wait } from '../../domain/loop.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { IdRow, StaffRow } from '../rows.ts';

export interface NewPlan {
  loopId: string;
  round: number;
  wait: Wait;
  clock: 'customer' | 'person';
  occasion: string;
  from: Date;
  configuration: number;
  rungs: { step: number; repeat: number; role: Role | 'nobody'; dueAt: Date }[];
}

export async function isPlanned(db: Db, p: Pick<NewPlan, 'loopId' | 'round' | 'wait' | 'occasion'>): Promise<boolean> {
  return (
    (await db.maybeOne(sql.type(IdRow)`
      select id from plans where loop_id = ${p.loopId} and round = ${p.round} and wait = ${p.wait} and occasion = ${p.occasion}`)) !==
    null
  );
}

type OfRound = Pick<NewPlan, 'loopId' | 'round'>;

/** The plans that were made for these occasions, as far as they have been made. */
export function plansFor(
  db: Db,
  { loopId, round }: OfRound,
  due: readonly Pick<NewPlan, 'wait' | 'occasion'>[],
): Promise<readonly string[]> {
  return db.anyFirst(sql.type(IdRow)`
    select id from plans
    where loop_id = ${loopId} and round = ${round}
      and (wait, occasion) in (
        select * from ${sql.unnest(
          due.map(({ wait, occasion }) => [wait, occasion]),
          ['text', 'uuid'],
        )} as due (wait, occasion))`);
}

/** The latest plan of each of these waits, whatever it was made for. */
export function latestPlans(
  db: Db,
  { loopId, round }: OfRound,
  due: readonly Pick<NewPlan, 'wait'>[],
): Promise<readonly string[]> {
  return db.anyFirst(sql.type(IdRow)`
    select id from now.plans
    where loop_id = ${loopId} and round = ${round}
      and wait = any(${sql.array(
        due.map(({ wait }) => wait),
        'text',
      )})`);
}

/** Records a plan with its rungs, unless this occasion has one. */
export async function recordPlan(tx: Tx, p: NewPlan): Promise<void> {
  const id = newId();
  const { rowCount } = await tx.query(sql.unsafe`
    insert into plans (id, loop_id, round, wait, clock, occasion, counted_from, configuration)
    values (${id}, ${p.loopId}, ${p.round}, ${p.wait}, ${p.clock}, ${p.occasion}, ${sql.timestamp(p.from)}, ${p.configuration})
    on conflict (loop_id, round, wait, occasion) do nothing`);
  if (rowCount === 1) await recordRungs(tx, id, p.rungs);
}

export async function recordRungs(tx: Tx, planId: string, rungs: NewPlan['rungs']): Promise<void> {
  await tx.query(sql.unsafe`
    insert into rungs (plan_id, step, repeat, role, due_at)
    select ${planId}, g.step, g.repeat, g.role, g.due_at
    from ${sql.unnest(
      rungs.map((g) => [g.step, g.repeat, g.role, g.dueAt.toISOString()]),
      ['int4', 'int4', 'text', 'timestamptz'],
    )} as g (step, repeat, role, due_at)
    on conflict do nothing`);
}

const Ahead = z.object({
  plan_id: z.string(),
  wait: z.enum(waits),
  counted_from: z.date(),
  configuration: z.number(),
  step: z.number(),
  repeat: z.number(),
  role: z.enum(['owner', 'lead', 'manager', 'executive', 'nobody']),
  due_at: z.date(),
  /** The step that repeats, as the plan has it: the company's ladder may have become another since. */
  last: z.boolean(),
});
export type RungAhead = z.infer<typeof Ahead>;

/** Rungs of the latest plans of these waits that nobody has had to take, earliest first. */
export async function rungsAhead(
  db: Db,
  loopId: string,
  round: number,
  ofWaits: readonly Wait[],
): Promise<readonly RungAhead[]> {
  return db.any(sql.type(Ahead)`
    select a.plan_id, a.wait, a.counted_from, p.configuration, a.step, a.repeat, a.role, a.due_at,
      a.step = (select max(g.step) from rungs g where g.plan_id = a.plan_id) as last
    from now.rungs_ahead a join plans p on p.id = a.plan_id
    where a.loop_id = ${loopId} and a.round = ${round} and a.wait = any(${sql.array([...ofWaits], 'text')})
    order by a.due_at, a.step, a.repeat`);
}

/** Records a rung as taken. False when it was before. */
export async function recordEscalation(
  tx: Tx,
  e: { planId: string; step: number; repeat: number; staff: string | null; reason: string; collapsed: boolean },
): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    insert into escalations (plan_id, step, repeat, staff, reason, collapsed)
    values (${e.planId}, ${e.step}, ${e.repeat}, ${e.staff}, ${e.reason}, ${e.collapsed})
    on conflict do nothing`);
  return rowCount === 1;
}

/** Whom the current holder's and earlier rungs of this round have told, so that they may act too. */
export async function toldByLadder(db: Db, loopId: string, round: number): Promise<readonly string[]> {
  return db.anyFirst(sql.type(StaffRow)`
    select distinct e.staff from escalations e join plans p on p.id = e.plan_id
    where p.loop_id = ${loopId} and p.round = ${round} and e.staff is not null`);
}
