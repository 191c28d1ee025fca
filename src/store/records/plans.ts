/** Ladders of a loop: planned once for an occasion, taken rung by rung. Rows never change. */

import { z } from 'zod';
import { roles, type Role } from '../../domain/company.ts';
import { newId } from '../../domain/ids.ts';
import { waits, type Wait } from '../../domain/loop.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { IdRow, StaffRow } from '../rows.ts';
import { readyAgain } from './deliveries.ts';

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

/** The latest plan of each of these waits, whatever it was made for; a holder's own clock only for the one who holds it. */
export function latestPlans(
  db: Db,
  { loopId, round }: OfRound,
  due: readonly Pick<NewPlan, 'wait' | 'occasion'>[],
): Promise<readonly string[]> {
  return db.anyFirst(sql.type(IdRow)`
    select id from now.plans
    where loop_id = ${loopId} and round = ${round}
      and wait = any(${sql.array(
        due.map(({ wait }) => wait),
        'text',
      )})
      and (clock = 'customer' or occasion = any(${sql.array(
        due.map(({ occasion }) => occasion),
        'uuid',
      )}))`);
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
  configuration: z.number(),
  step: z.number(),
  repeat: z.number(),
  role: z.enum([...roles, 'nobody']),
  due_at: z.date(),
  /** By it somebody is asked; by all others somebody is told that nobody acted. */
  first: z.boolean(),
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
    select a.plan_id, a.wait, p.configuration, a.step, a.repeat, a.role, a.due_at, now.is_first(a.step, a.repeat, a.role) as first,
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

/** Whom the current holder's and earlier rungs of this round have told, so that they may act too; and who stands in for one of them. */
export async function toldByLadder(db: Db, loopId: string, round: number): Promise<readonly string[]> {
  return db.anyFirst(sql.type(StaffRow)`
    select e.staff from escalations e join plans p on p.id = e.plan_id
    where p.loop_id = ${loopId} and p.round = ${round} and e.staff is not null
    union
    select s.staff from now.stand_ins s where s.loop_id = ${loopId} and s.round = ${round}`);
}

/** The latest prompt that gave way to the prompt `id`, which is met, calls all the same where it is of a plan that is one of `running`: unless
 *  its person has been called about such a plan since. */
export async function callAfterAll(
  tx: Tx,
  { id, loopId, staff }: { id: string; loopId: string; staff: string },
  running: readonly string[],
): Promise<void> {
  const plans = sql.array([...running], 'uuid');
  await tx.query(sql.unsafe`
    update deliveries set ${readyAgain}, last_error_code = null, not_before = heed_now()
    where id = (
      select d.id from deliveries d
      join deliveries met on met.id = ${id} and met.channel = d.channel and met.planned_at > d.planned_at
      where d.loop_id = ${loopId} and d.staff = ${staff} and d.purpose = 'prompt' and d.state = 'cancelled'
        and d.last_error_code = 'asked_again' and d.occasion = any(${plans})
        and not exists (
          select from deliveries o
          where o.loop_id = d.loop_id and o.staff = d.staff and o.purpose = 'prompt' and o.id <> met.id and o.planned_at > d.planned_at
            and o.occasion = any(${plans})
            and (o.state in ('planned', 'ready', 'sending', 'uncertain', 'sent') or o.last_error_code = 'bundled'))
      order by d.planned_at desc, d.id desc
      limit 1)`);
}

const ToCall = z.object({
  plan_id: z.string(),
  step: z.number(),
  repeat: z.number(),
  staff: z.string(),
  /** The step that repeats. */
  last: z.boolean(),
});

/** Of the rungs that the prompt `id` to `staff` stood for, or one that it took the place of, the highest that calls for what is still waited
 *  for: of a plan that is one of `running`. Null where somebody was called for them all the same, or whoever it names has given it away since.
 *  `without`: nobody calls them. */
export function nextToCall(
  db: Db,
  { id, loopId, staff, without = null }: { id: string; loopId: string; staff: string; without?: string | null },
  running: readonly string[],
): Promise<z.infer<typeof ToCall> | null> {
  const plans = sql.array([...running], 'uuid');
  return db.maybeOne(sql.type(ToCall)`
    select e.plan_id, e.step, e.repeat, e.staff, e.step = (select max(x.step) from rungs x where x.plan_id = e.plan_id) as last
    from escalations e
    join rungs g on g.plan_id = e.plan_id and g.step = e.step and g.repeat = e.repeat
    where e.plan_id = any(${plans}) and e.collapsed and e.staff is not null and e.staff is distinct from ${without}
      and e.taken_at in (
        select c.taken_at from now.prompts c
        where c.loop_id = ${loopId} and (c.id = ${id} or c.staff = ${staff} and c.last_error_code = 'asked_again'))
      and not exists (
        select from now.prompts c
        join rungs r on r.plan_id = c.plan_id and r.step = c.step and r.repeat = c.repeat
        where c.loop_id = ${loopId} and (
          (c.plan_id, c.step, c.repeat) = (e.plan_id, e.step, e.repeat)
          or c.taken_at = e.taken_at and ${heightOf('r')} >= ${heightOf('g')} and (
            c.state in ('sending', 'uncertain', 'sent')
            or c.plan_id = any(${plans}) and (c.state in ('planned', 'ready') or c.named))))
      and not exists (select from ownerships o where o.loop_id = ${loopId} and o.staff = e.staff and o.ended_at >= e.taken_at)
    order by ${heightOf('g')} desc, e.step desc, e.repeat desc
    limit 1`);
}

const OfPrompt = ToCall.omit({ staff: true }).extend({ role: z.enum(roles) });

/** The rung that a prompt calls about. */
export function rungOfPrompt(db: Db, id: string): Promise<z.infer<typeof OfPrompt> | null> {
  return db.maybeOne(sql.type(OfPrompt)`
    select c.plan_id, c.step, c.repeat, g.role, c.step = (select max(x.step) from rungs x where x.plan_id = c.plan_id) as last
    from now.prompts c
    join rungs g on g.plan_id = c.plan_id and g.step = c.step and g.repeat = c.repeat
    where c.id = ${id}`);
}

const heightOf = (rung: 'g' | 'r') =>
  sql.fragment`array_position(${sql.array([...roles], 'text')}, ${sql.identifier([rung, 'role'])})`;
