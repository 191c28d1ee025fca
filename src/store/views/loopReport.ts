/** The leaders' report, from facts alone. Sample history and one's own are counted apart and never added. */

import { z } from 'zod';
import { workingMs } from '../../domain/calendar.ts';
import { roles, type Company } from '../../domain/company.ts';
import type { LoopReport, Numbers, Replies, Spread, Stage } from '../../domain/loopReport.ts';
import { lastDays, percentile, share, steps } from '../../domain/measures.ts';
import { momentOf } from '../records/clock.ts';
import { calendarOf } from '../records/ladders.ts';
import { hasSamples } from '../records/samples.ts';
import { sql, type Db } from '../pool.ts';
import {
  claimsWithin,
  duesWithin,
  passagesWithin,
  promisesWithin,
  reachedWithin,
  undecidedAt,
  type Within,
} from './loopPeriod.ts';

const CountedRow = z.object({ due: z.number(), citing: z.number() });

const Unused = z.object({
  id: z.string(),
  reference: z.string(),
  sample: z.boolean(),
  place: z.string(),
  kind: z.string(),
  attributes: z.record(z.string(), z.string()),
  decider: z.string(),
  people: z.number(),
  dueAt: z.date(),
  past: z.boolean(),
  attention: z.enum(['cited', 'seen', 'unseen']),
  nextRole: z.enum(roles).nullable(),
  nextAt: z.date().nullable(),
});

/** The report of a period, for the places that whoever asks may see, or one of them. Times in UTC; working time is that of each place's calendar. Asked
 *  one after the other, so that it takes one connection. */
export async function loopReport(db: Db, company: Company, within: Within): Promise<LoopReport> {
  const asOf = await momentOf(db);
  const samples = await hasSamples(db);
  const counts = await countsOf(db, within);
  const inTime = await inTimeOf(db, within);
  const reached = await reachedOf(db, within);
  const passed = await passedOf(db, within);
  const unused = await unusedNow(db, within);
  const numbersOf = (sample: boolean): Numbers => {
    const of = <Row extends { sample: boolean }>(rows: readonly Row[]): Row[] =>
      rows.filter((row) => row.sample === sample);
    return numbers({
      count: (measure, part) => of(counts).find((row) => row.measure === measure && row.part === part)?.count ?? 0,
      inTime: of(inTime)[0]?.count ?? 0,
      funnel: funnel(of(reached), of(passed), company),
      unused: of(unused).filter(({ past }) => past).length,
    });
  };
  return {
    from: within.from,
    to: within.to,
    asOf,
    place: within.place ?? null,
    sample: samples ? numbersOf(true) : null,
    own: numbersOf(false),
    unused: [...unused],
  };
}

/** The one claim of the first screen, over the last ninety days: of the sample history while there is some, else one's own. */
export async function headline(db: Db, company: Company): Promise<{ due: number; citing: number; sample: boolean }> {
  const within = lastDays(90, await momentOf(db), company.timezone);
  const sample = await hasSamples(db);
  const counted = await db.one(sql.type(CountedRow)`
    select count(*)::integer as due, (count(*) filter (where part = 'citing'))::integer as citing
    from ${duesWithin(within)} due where sample = ${sample}`);
  return { ...counted, sample };
}

const Counted = z.object({ sample: z.boolean(), measure: z.string(), part: z.string(), count: z.number() });

const countsOf = (db: Db, within: Within) =>
  db.any(sql.type(Counted)`
    select sample, 'used' as measure, part, count(*)::integer as count from ${duesWithin(within)} due group by sample, part
    union all
    select sample, question, part, count(*)::integer from ${claimsWithin(within)} claims group by sample, question, part
    union all
    select sample, 'promises', part, count(*)::integer from ${promisesWithin(within)} promised group by sample, part`);

const InTime = z.object({ sample: z.boolean(), count: z.number() });

const inTimeOf = (db: Db, within: Within) =>
  db.any(sql.type(InTime)`
    select sample, count(*)::integer as count from ${duesWithin(within)} due where in_time group by sample`);

const Reached = z.object({ sample: z.boolean(), step: z.number(), open: z.boolean(), count: z.number() });

const reachedOf = (db: Db, within: Within) =>
  db.any(sql.type(Reached)`
    select sample, step, open, count(*)::integer as count from ${reachedWithin(within)} reached group by sample, step, open`);

const Passed = z.object({
  sample: z.boolean(),
  place: z.string(),
  step: z.enum(steps),
  from: z.array(z.number()),
  to: z.array(z.number()),
});

/** From the first fact of one step to the first of the next, in milliseconds since 1970. */
const passedOf = (db: Db, within: Within) =>
  db.any(sql.type(Passed)`
    select sample, place, passage.step,
      array_agg((extract(epoch from passage.since) * 1000)::float8) as from,
      array_agg((extract(epoch from passage.at) * 1000)::float8) as to
    from ${passagesWithin(within)} passed
    cross join lateral (values
      ('owned', opened_at, owned_at),
      ('answered', owned_at, answered_at),
      -- Decided before the customer was answered: nobody waited for it.
      ('decided', least(answered_at, decided_at), case when answered_at is not null then decided_at end),
      ('told', decided_at, told_at),
      ('settled', heard_at, confirmed_at)
    ) passage (step, since, at)
    where passage.since is not null and passage.at is not null
    group by sample, place, passage.step`);

const unusedNow = (db: Db, within: Within) =>
  db.any(sql.type(Unused)`
    select u.id, u.reference, u.sample, u.place, u.kind, u.attributes, u.decider, u.people, u.due_at as "dueAt", u.past,
      case
        when exists (
          select from now.insight_signals x join decision_evidence e on e.signal_id = x.signal_id where x.insight_id = u.id
        ) then 'cited'
        -- By whoever decides now: what others pressed, also to hand it to them, they need not know of.
        when exists (select from acknowledgements a where a.loop_id = u.id and a.by = u.decider)
          or exists (select from ownerships o where o.loop_id = u.id and o.by = u.decider)
          or exists (select from decisions d where d.insight_id = u.id and d.by = u.decider) then 'seen'
        else 'unseen'
      end as attention,
      next.role as "nextRole", next.due_at as "nextAt"
    from ${undecidedAt(within)} u
    left join lateral (
      select r.role, r.due_at from now.rungs_ahead r
      where r.loop_id = u.id and r.wait = 'decided' and r.due_at > heed_now()
      order by r.due_at limit 1
    ) next on true
    order by u.past desc, u.due_at, u.id`);

function numbers(of: {
  count: (measure: 'used' | 'settled' | 'explained' | 'promises', part: string) => number;
  inTime: number;
  funnel: Stage[];
  unused: number;
}): Numbers {
  const used = {
    citing: of.count('used', 'citing'),
    otherwise: of.count('used', 'otherwise'),
    postponed: of.count('used', 'postponed'),
    // No door lets one expire, or moves a promise with notice.
    expired: 0,
    undecided: of.count('used', 'undecided'),
  };
  const due = used.citing + used.otherwise + used.postponed + used.expired + used.undecided;
  const claimed = replies((part) => of.count('settled', part));
  const confirmed = share(claimed.yes, claimed.yes + claimed.no + claimed.silent);
  const promises = {
    kept: of.count('promises', 'kept'),
    moved: 0,
    late: of.count('promises', 'late'),
    open: of.count('promises', 'open'),
  };
  const promised = promises.kept + promises.moved + promises.late + promises.open;
  return {
    used: { due, ...used, inTime: of.inTime, share: share(used.citing, due) },
    claimed: { ...claimed, confirmed, gap: confirmed === null ? null : 1 - confirmed },
    afterDecline: replies((part) => of.count('explained', part)),
    promises: { due: promised, ...promises, share: share(promises.kept, promised) },
    funnel: of.funnel,
    unused: of.unused,
  };
}

function replies(count: (part: string) => number): Replies {
  const parts = {
    yes: count('yes'),
    no: count('no'),
    silent: count('silent'),
    waiting: count('waiting'),
    couldNotBeAsked: count('could-not-be-asked'),
  };
  return { rounds: Object.values(parts).reduce((sum, part) => sum + part, 0), ...parts };
}

function funnel(
  reached: readonly z.infer<typeof Reached>[],
  passed: readonly z.infer<typeof Passed>[],
  company: Company,
): Stage[] {
  const sum = (rows: readonly { count: number }[]): number => rows.reduce((total, { count }) => total + count, 0);
  return steps.map((step, n) => {
    const passages = passed.filter((row) => row.step === step);
    const wall = passages.flatMap(({ from, to }) => to.map((at, i) => at - from[i]!));
    const working = passages.flatMap(({ place, from, to }) => {
      const calendar = calendarOf(company, undefined, place);
      return to.map((at, i) => workingMs(new Date(from[i]!), new Date(at), calendar));
    });
    return {
      step,
      count: sum(reached.filter((row) => row.step >= n)),
      waiting: sum(reached.filter((row) => row.open && row.step === n - 1)),
      wall: spread(wall),
      working: spread(working),
    };
  });
}

function spread(durations: readonly number[]): Spread | null {
  const ascending = [...durations].sort((a, b) => a - b);
  const p50 = percentile(ascending, 0.5);
  const p90 = percentile(ascending, 0.9);
  return p50 === null || p90 === null ? null : { p50, p90 };
}
