/** What waits for one person: loops they hold, and those whose ladder has told them. Which of them ask for something is said by domain/loop.ts. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import type { Sight } from '../../domain/entitlement.ts';
import { ladderPlansOfSignal, stageOfSignal, waits, type SignalStage, type Wait } from '../../domain/loop.ts';
import { sql, type Db } from '../pool.ts';
import { momentOf } from '../records/clock.ts';
import { callOvertaken } from '../records/decisions.ts';
import { whoAnswers } from '../records/repairs.ts';
import { restsOf } from '../records/rights.ts';
import { InsightNow, plansOf, stageOf } from './insights.ts';
import { placeIn } from './sight.ts';
import { SignalNow } from './signals.ts';

/** The latest plan of a wait: when it is due (its first rung after the prompt), from when it counts, and why this person was told last. */
const Plan = z.object({
  wait: z.enum(waits),
  due: z.coerce.date().nullable(),
  from: z.coerce.date(),
  told: z.boolean(),
  escalated: z.boolean(),
  reason: z.string().nullable(),
});
type Plan = z.infer<typeof Plan>;

const shared = { words: z.string().nullable(), plans: z.array(Plan) };
/** `doubtful`: the letter to the customer of which nobody can find out whether it was sent. */
const SignalRow = SignalNow.extend({ ...shared, customer: z.string().nullable(), doubtful: z.string().nullable() });
/** `rests`: whoever said the words has asked that nothing be done with them for now. */
const InsightRow = InsightNow.extend({ ...shared, rests: z.boolean() });

export type Asks =
  'review' | 'take' | 'letter' | 'call' | 'tell' | 'promise' | 'doubt' | 'decide' | 'undo' | 'complete';

interface Common {
  asks: Asks;
  /** When somebody else is told if nothing happens; undefined where no ladder runs. */
  due: Date | undefined;
  /** The plan that asks, once its story has made it. */
  plan: Plan | undefined;
}
export type Task = Common &
  (
    | {
        about: 'signal';
        signal: z.infer<typeof SignalRow>;
        stage: SignalStage;
        /** Where it asks for a call, and it was decided anew since that became owed: when it is certain what to say in it. */
        anew: Date | null;
      }
    | { about: 'insight'; insight: z.infer<typeof InsightRow> }
  );

/** Most overdue first; what has no date comes last. */
export async function tasksOf(db: Db, company: Company, staff: string): Promise<{ now: Date; tasks: Task[] }> {
  const [now, signals, insights] = await Promise.all([momentOf(db), signalsOf(db, staff), insightsOf(db, staff)]);
  const anew = await Promise.all(signals.map((signal) => callOvertaken(db, signal)));
  const tasks = [
    ...signals.flatMap((signal, n) => signalTask({ signal, anew: anew[n] ?? null, company, staff, now })),
    ...insights.flatMap((insight) => insightTask(insight, company, staff, now)),
  ];
  const time = ({ due }: Task): number => due?.getTime() ?? Number.MAX_SAFE_INTEGER;
  return { now, tasks: tasks.sort((a, b) => time(a) - time(b)) };
}

function signalTask({
  signal,
  anew,
  company,
  staff,
  now,
}: {
  signal: z.infer<typeof SignalRow>;
  anew: Date | null;
  company: Company;
  staff: string;
  now: Date;
}): Task[] {
  // Whatever they did about it would be refused.
  if (signal.restricted) return [];
  const stage = stageOfSignal(signal);
  const running = ladderPlansOfSignal(signal).map(({ wait }) => wait);
  const plans = signal.plans.filter(({ wait }) => running.includes(wait));
  const holds = signal.owner === staff;
  const told = plans.some((plan) => plan.told);
  const task = (asks: Asks, wait?: Wait): Task[] => {
    const plan = plans.find((each) => each.wait === wait) ?? plans.find((each) => each.told);
    const calls = asks === 'call' || asks === 'tell';
    return [{ about: 'signal', signal, stage, asks, anew: calls ? anew : null, plan, due: plan?.due ?? undefined }];
  };
  // No ladder calls anybody about it, so it is shown here to whoever stands in for a holder who has left.
  if (signal.doubtful && whoAnswers(company, signal) === staff) return task('doubt');
  if (!holds && !told) return [];
  switch (stage) {
    case 'review':
      return task('review', 'reviewed');
    case 'acknowledge':
      return task('take', 'acknowledged');
    case 'answer':
      return signal.owed_by ? task(signal.owed_by === 'phone' ? 'call' : 'letter', 'answered') : [];
    case 'decision':
      if (signal.told_channel === 'phone') return task('tell', 'told');
      return signal.promised_for && signal.promised_for <= now ? task('promise', 'told') : [];
    default:
      return [];
  }
}

function insightTask(insight: z.infer<typeof InsightRow>, company: Company, staff: string, now: Date): Task[] {
  const stage = stageOf(insight, company, now);
  const running = plansOf(insight, company, now).map(({ wait }) => wait);
  const plans = insight.plans.filter(({ wait }) => running.includes(wait));
  const asked = insight.plans.find(({ wait }) => wait === (stage === 'complete' ? 'completed' : 'decided'));
  // Whoever is above somebody who was given it is called by that clock, and by no other.
  const told = asked?.told ? asked : plans.find((plan) => plan.told);
  if (insight.decider !== staff && !told) return [];
  const task = (asks: Asks, due: Date | undefined): Task[] => [
    { about: 'insight', insight, asks, plan: told ?? asked, due },
  ];
  switch (stage) {
    case 'decide': {
      if (insight.outcome !== 'deferred') return task('decide', insight.decide_by);
      // Deferred: before its day, or before enough people have asked, nothing is asked but that whoever is given it takes it.
      const calling = asked && asked.from <= now ? asked : plans.find(({ wait }) => wait === 'acknowledged');
      return calling ? task('decide', calling.due ?? undefined) : [];
    }
    case 'undo':
      return insight.decided_by === staff ? task('undo', undefined) : [];
    case 'complete':
      return task('complete', asked?.from);
    default:
      return [];
  }
}

/** Open loops that this person holds, or that the open round's ladder has told them of: found by their list, on which what they have given on stays
 *  as well, and looked up one by one (which "exists" would not: Postgres may read all there is for it); and those whose holder has left with a letter
 *  in doubt, for anybody: who stands in for them is in the company file. */
const loopsOf = (staff: string) => sql.fragment`
  select s.loop_id
  from open_round_staff s
  where s.staff = ${staff} and (
    select true
    from (
      select from ownerships w where w.loop_id = s.loop_id and w.ended_at is null and w.staff = s.staff
      union all
      select from open_rounds o
      join plans p on p.loop_id = o.loop_id and p.round = o.round
      join escalations e on e.plan_id = p.id
      where o.loop_id = s.loop_id and e.staff = s.staff
      union all
      select from open_rounds o
      join now.stand_ins i on i.loop_id = o.loop_id and i.round = o.round
      where o.loop_id = s.loop_id and i.staff = s.staff
    ) why limit 1)
  union all
  select o.loop_id
  from deliveries d
  join open_rounds o on o.loop_id = d.loop_id
  join ownerships w on w.loop_id = d.loop_id and w.ended_at is null
  join staff h on h.code = w.staff and h.removed_at is not null
  where d.state = 'needs_human' and d.customer_id is not null`;

const plansFor = (staff: string) => sql.fragment`
  coalesce((
    select jsonb_agg(jsonb_build_object(
      'wait', p.wait,
      'from', p.counted_from,
      'due', (select min(g.due_at) from rungs g where g.plan_id = p.id and not now.is_first(g.step, g.repeat, g.role)),
      'told', told.reason is not null,
      'escalated', coalesce(told.escalated, false),
      'reason', told.reason))
    from now.plans p
    left join lateral (
      select e.reason, not now.is_first(g.step, g.repeat, g.role) as escalated
      from escalations e join rungs g on g.plan_id = e.plan_id and g.step = e.step and g.repeat = e.repeat
      where e.plan_id = p.id
        and (e.staff = ${staff} or exists (
          select from now.stand_ins s where s.loop_id = p.loop_id and s.plan_id = p.id and s.staff = ${staff}))
        -- Whoever gave it away since has done their part.
        and not exists (select from ownerships w where w.loop_id = x.id and w.staff = ${staff} and w.ended_at >= e.taken_at)
      order by e.taken_at desc, e.step desc limit 1
    ) told on true
    where p.loop_id = x.id and p.round = x.round
  ), '[]') as plans`;

function signalsOf(db: Db, staff: string): Promise<readonly z.infer<typeof SignalRow>[]> {
  return db.any(sql.type(SignalRow)`
    select x.*, w.words, c.name as customer, ${plansFor(staff)},
      (
        select d.id from deliveries d
        where d.loop_id = x.id and d.customer_id is not null and d.state = 'needs_human'
        order by d.planned_at, d.id limit 1
      ) as doubtful
    from now.signals x
    left join words w on w.signal_id = x.id
    left join customers c on c.id = x.customer_id
    where x.id = any(array(${loopsOf(staff)})) and not x.sample`);
}

function insightsOf(db: Db, staff: string): Promise<readonly z.infer<typeof InsightRow>[]> {
  return db.any(sql.type(InsightRow)`
    select x.*, said.words, coalesce(said.rests, false) as rests, ${plansFor(staff)}
    from now.insights x
    left join lateral (
      select w.words, ${restsOf(sql.fragment`s.customer_id`)} as rests
      from now.insight_signals y
      join signals s on s.id = y.signal_id
      join loops l on l.id = s.id
      left join words w on w.signal_id = s.id
      where y.insight_id = x.id
      order by l.sample, s.said_at desc limit 1
    ) said on true
    where x.id = any(array(${loopsOf(staff)})) and not x.sample`);
}

const Today = z.object({ spoke: z.number(), answered: z.number(), decided: z.number(), settled: z.number() });

/** What has happened since midnight in `timezone` where `sight` reaches; sample history counts for nothing. Whether it is there is asked of each of
 *  today's (offset 0): Postgres, which does not know how few they are, would read every loop instead. */
export function todayAt(db: Db, sight: Sight, timezone: string): Promise<z.infer<typeof Today>> {
  const isHere = (...id: [table: string, column: string]) =>
    sql.fragment`exists (select from loops l where l.id = ${sql.identifier(id)} and not l.sample and ${placeIn(sight)} offset 0)`;
  return db.one(sql.type(Today)`
    with today as (select date_trunc('day', heed_now() at time zone ${timezone}) at time zone ${timezone} as began)
    select
      (select count(*)::integer from signals s, today where s.captured_at >= began and ${isHere('s', 'id')}) as spoke,
      (select count(*)::integer from follow_ups f, today where f.followed_up_at >= began and f.by is not null and ${isHere('f', 'loop_id')}) as answered,
      (select count(*)::integer from now.decisions d, today where d.decided_at >= began and d.outcome <> 'deferred' and ${isHere('d', 'insight_id')}) as decided,
      (select count(*)::integer from confirmations c, today where c.confirmed_at >= began and c.says = 'yes' and c.question = 'settled' and ${isHere('c', 'loop_id')}) as settled`);
}
