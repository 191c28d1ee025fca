/** What messages say, read at the moment they are sent. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import { decisionOutcomes, decisionScopes } from '../../domain/decisions.ts';
import { waits } from '../../domain/loop.ts';
import { questionCodes } from '../../domain/questions.ts';
import { codesIn } from '../../domain/reading.ts';
import { quotableTitle, quotingOf } from '../../domain/template.ts';
import { sql, type Db } from '../pool.ts';
import { saidBy } from '../records/insights.ts';
import { restsBehind, restsOf } from '../records/rights.ts';

const ByRow = z.object({ by: z.string() });

const Said = z.object({
  customer_name: z.string().nullable(),
  words: z.string().nullable(),
  note: z.string().nullable(),
  unmet: z.string().nullable(),
  offered: z.string().nullable(),
  attributes: z.record(z.string(), z.string()),
  way: z.string().nullable(),
  address: z.string().nullable(),
  why_not: z.string().nullable(),
});
export type Said = z.infer<typeof Said>;

/** What a customer said (null once erased), who they are, and the way to them as it is now. The item stands among the attributes, as 'item'. */
export function whatWasSaid(db: Db, signalId: string): Promise<Said> {
  return db.one(sql.type(Said)`
    select c.name as customer_name, w.words, w.note, w.unmet, w.offered,
      coalesce((select jsonb_object_agg(a.name, a.value) from signal_attributes a where a.signal_id = s.id), '{}') as attributes,
      reach.channel as way, reach.address, reach.why_not
    from signals s
    left join customers c on c.id = s.customer_id
    left join words w on w.signal_id = s.id
    left join now.reach reach on reach.signal_id = s.id
    where s.id = ${signalId}`);
}

const Call = z.object({
  wait: z.enum(waits),
  role: z.string(),
  reason: z.string(),
  step: z.number(),
  first: z.boolean(),
  configuration: z.number(),
});
export type Call = z.infer<typeof Call>;

/** The rung through which somebody was last called to a loop in this round: of this plan, if it called them at all. One that was due together
 *  with a higher one called nobody, unless it took its place (activities/prompt.ts). */
export function lastCall(
  db: Db,
  of: { loopId: string; round: number; staff: string; plan: string | null },
): Promise<Call | null> {
  return db.maybeOne(sql.type(Call)`
    select p.wait, g.role, e.reason, g.step, now.is_first(g.step, g.repeat, g.role) as first, p.configuration
    from escalations e
    join plans p on p.id = e.plan_id
    join rungs g on g.plan_id = e.plan_id and g.step = e.step and g.repeat = e.repeat
    where p.loop_id = ${of.loopId} and p.round = ${of.round} and e.staff = ${of.staff}
      and (not e.collapsed or exists (
        select from now.prompts c
        where c.loop_id = ${of.loopId} and c.staff = e.staff and (c.plan_id, c.step, c.repeat) = (e.plan_id, e.step, e.repeat)))
    order by (p.id = ${of.plan}) desc nulls last, e.taken_at desc, g.step desc, g.repeat desc
    limit 1`);
}

const Verbatim = z.object({
  signal_id: z.string(),
  reference: z.string(),
  place: z.string(),
  kind: z.string().nullable(),
  words: z.string(),
  said_at: z.date(),
});
export type Verbatim = z.infer<typeof Verbatim>;

/** What the people said who ask for what an insight is about, latest first: not what a colleague has dismissed, nor what its customer lets rest. */
export function verbatimsOf(db: Db, insightId: string, most: number): Promise<readonly Verbatim[]> {
  return db.any(sql.type(Verbatim)`
    select x.signal_id, s.reference, l.place, coalesce(v.kind, t.kind, s.kind) as kind, w.words, s.said_at
    from now.insight_signals x
    join signals s on s.id = x.signal_id
    join loops l on l.id = s.id
    join words w on w.signal_id = s.id
    left join triages t on t.signal_id = s.id
    left join reviews v on v.signal_id = s.id
    where x.insight_id = ${insightId} and x.still_asks
      and not ${restsOf(sql.fragment`s.customer_id`)}
    order by s.said_at desc, s.id desc
    limit ${most}`);
}

const Refused = z.object({ offered: z.string(), people: z.number() });

/** What was offered instead and refused, by how many, most first: as far as a message may quote what was said with it. */
export function refusedInstead(
  db: Db,
  company: Company,
  insightId: string,
): Promise<readonly z.infer<typeof Refused>[]> {
  const places = Object.keys(company.places).filter((place) => quotingOf(company, { place }) !== 'link');
  const kinds = Object.keys(company.kinds).filter((kind) => company.kinds[kind]!.quote !== 'link');
  return db.any(sql.type(Refused)`
    select min(w.offered) as offered, count(distinct coalesce(s.customer_id, s.id))::integer as people
    from now.insight_signals x
    join signals s on s.id = x.signal_id
    join loops l on l.id = s.id
    join words w on w.signal_id = s.id
    left join triages t on t.signal_id = s.id
    left join reviews v on v.signal_id = s.id
    where x.insight_id = ${insightId} and x.still_asks and s.taken = 'refused' and w.offered is not null
      and not ${restsOf(sql.fragment`s.customer_id`)}
      and l.place = any(${sql.array(places, 'text')})
      and coalesce(v.kind, t.kind, s.kind, '') = any(${sql.array(['', ...kinds], 'text')})
    group by lower(w.offered)
    order by people desc, offered
    limit 3`);
}

/** What an insight is called in a message: of what was typed about it, by nothing that nobody else said than who lets it rest. */
export async function titleInMessages(
  db: Db,
  company: Company,
  insight: { id: string; place: string; kind: string; attributes: Record<string, string> },
): Promise<string> {
  const { id, attributes } = insight;
  if (!(await restsBehind(db, id))) return quotableTitle(company, insight);
  const others = sql.fragment`
    select x.signal_id from insight_signals x join signals s on s.id = x.signal_id
    where x.insight_id = ${id} and not ${restsOf(sql.fragment`s.customer_id`)}`;
  const stays = { ...(await saidBy(db, others, attributes)), ...codesIn(attributes, company.vocabulary) };
  return quotableTitle(company, { ...insight, attributes: stays });
}

const Closure = z.object({
  how: z.string(),
  by: z.string().nullable(),
  reason: z.string().nullable(),
  question: z.enum(questionCodes).nullable(),
});

/** How a round was closed, and what the customer was asked where it was they who closed it. */
export function closureOf(db: Db, loopId: string, round: number): Promise<z.infer<typeof Closure> | null> {
  return db.maybeOne(sql.type(Closure)`
    select z.how, z.by, z.reason, (
      select c.question from confirmations c
      where c.loop_id = z.loop_id and c.round <= z.round
      order by c.confirmed_at desc limit 1
    ) as question
    from closures z
    where z.loop_id = ${loopId} and z.round = ${round}`);
}

const Decided = z.object({
  insight_id: z.string(),
  outcome: z.enum(decisionOutcomes),
  scope: z.enum(decisionScopes).nullable(),
  reason: z.string(),
  done_by: z.string().nullable(),
  by: z.string(),
  decided_at: z.date(),
  place: z.string(),
  kind: z.string(),
  attributes: z.record(z.string(), z.string()),
});
export type Decided = z.infer<typeof Decided>;

export function decisionBehind(db: Db, decisionId: string): Promise<Decided | null> {
  return db.maybeOne(sql.type(Decided)`
    select d.insight_id, d.outcome, d.scope, d.reason, d.done_by, d.by, d.decided_at, l.place, i.kind, i.attributes
    from decisions d join insights i on i.id = d.insight_id join loops l on l.id = i.id
    where d.id = ${decisionId}`);
}

/** Who wrote an answer; it is theirs from then on, and one in the place of another that did not arrive may be a colleague's. */
export function signerOf(db: Db, followUpId: string): Promise<string | null> {
  return db.maybeOneFirst(sql.type(ByRow)`
    select a.by from now.answers a where a.id = ${followUpId} and a.by is not null`);
}
