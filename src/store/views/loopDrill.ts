/** The people behind a number of the leaders' report: every number is as long as its list. */

import { z } from 'zod';
import type { Sight } from '../../domain/entitlement.ts';
import { figures, type Figure } from '../../domain/measures.ts';
import { sql, type Db } from '../pool.ts';
import { restsOf } from '../records/rights.ts';
import { CountRow } from '../rows.ts';
import { claimsWithin, duesWithin, promisesWithin, reachedWithin, undecidedAt, type Within } from './loopPeriod.ts';
import { placeIn } from './sight.ts';

const Behind = z.object({
  /** Of the signal or insight. */
  id: z.string(),
  reference: z.string(),
  place: z.string(),
  /** When it came to count: captured, closed, due. */
  at: z.date(),
  /** A signal's words; of an insight, the first that were said. Null once erased. */
  words: z.string().nullable(),
  /** Their customer has asked that nothing be done with them for now. */
  rests: z.boolean(),
  /** What the customer is called. */
  person: z.string().nullable(),
  round: z.number(),
  kind: z.string().nullable(),
  /** Of an insight. */
  attributes: z.record(z.string(), z.string()).nullable(),
  people: z.number().nullable(),
  owner: z.string(),
});
export type Behind = z.infer<typeof Behind>;

/** Newest first, from `skip` on; `total` is the number itself. */
export async function loopDrill(
  db: Db,
  figure: Figure,
  within: Within & { sample: boolean },
  page: { skip: number; most: number } = { skip: 0, most: 100 },
): Promise<{ total: number; behind: readonly Behind[] }> {
  const rows = rowsOf(figure, within);
  const total = await db.oneFirst(sql.type(CountRow)`
    select count(*)::integer as count from ${rows} counted where sample = ${within.sample}`);
  const shown = sql.fragment`
    (select * from ${rows} counted where sample = ${within.sample} order by at desc, id, round offset ${page.skip} limit ${page.most})`;
  const behind = await db.any(figures[figure].of === 'signals' ? signalsOf(shown) : insightsOf(shown, within.sight));
  return { total, behind };
}

const signalsOf = (shown: SqlFragment) => sql.type(Behind)`
  select x.id, s.reference, x.place, x.at, x.round, w.words, ${restsOf(sql.fragment`s.customer_id`)} as rests, c.name as person, coalesce(v.kind, t.kind, s.kind) as kind,
    null as attributes, null as people, o.staff as owner
  from ${shown} x
  join signals s on s.id = x.id
  join ownerships o on o.loop_id = x.id and o.ended_at is null
  left join words w on w.signal_id = x.id
  left join triages t on t.signal_id = x.id
  left join reviews v on v.signal_id = x.id
  left join customers c on c.id = s.customer_id
  order by x.at desc, x.id, x.round`;

/** People are counted wherever they asked; the words are of the places that whoever reads them sees. */
const insightsOf = (shown: SqlFragment, sight: Sight = 'everywhere') => sql.type(Behind)`
  select x.id, i.reference, x.place, x.at, x.round, w.words, ${restsOf(sql.fragment`first.customer_id`)} as rests, null as person, i.kind, i.attributes, asked.people, o.staff as owner
  from ${shown} x
  join insights i on i.id = x.id
  join ownerships o on o.loop_id = x.id and o.ended_at is null
  cross join lateral (
    select count(distinct coalesce(s.customer_id, s.id)) filter (where n.still_asks)::integer as people, (array_agg(s.id order by n.joined_at, s.id) filter (where ${placeIn(sight)}))[1] as first
    from now.insight_signals n join signals s on s.id = n.signal_id join loops l on l.id = s.id
    where n.insight_id = x.id
  ) asked
  left join words w on w.signal_id = asked.first
  left join signals first on first.id = asked.first
  order by x.at desc, x.id, x.round`;

/** id, round, sample, place and the moment of each row that a number counts. */
function rowsOf(figure: Figure, within: Within) {
  const due = (condition: SqlFragment) =>
    sql.fragment`(select insight_id as id, 1 as round, sample, place, due_at as at from ${duesWithin(within)} due where ${condition})`;
  const claim = (question: 'settled' | 'explained', condition: SqlFragment) =>
    sql.fragment`(select signal_id as id, round, sample, place, claimed_at as at from ${claimsWithin(within)} claims where question = ${question} and ${condition})`;
  const promise = (condition: SqlFragment) =>
    sql.fragment`(select signal_id as id, 1 as round, sample, place, due_at as at from ${promisesWithin(within)} promised where ${condition})`;
  const reached = (step: number) =>
    sql.fragment`(select signal_id as id, 1 as round, sample, place, captured_at as at from ${reachedWithin(within)} reached where step >= ${step})`;
  const part = (name: string) => sql.fragment`part = ${name}`;

  switch (figure) {
    case 'due':
      return due(anything);
    case 'citing':
    case 'otherwise':
    case 'postponed':
    case 'undecided':
      return due(part(figure));
    case 'in-time':
      return due(sql.fragment`in_time`);
    case 'claimed':
      return claim('settled', anything);
    case 'confirmed':
      return claim('settled', part('yes'));
    case 'not-settled':
      return claim('settled', part('no'));
    case 'silent':
    case 'waiting':
    case 'could-not-be-asked':
      return claim('settled', part(figure));
    case 'explained':
      return claim('explained', anything);
    case 'explained-clearly':
      return claim('explained', part('yes'));
    case 'not-explained':
      return claim('explained', part('no'));
    case 'explained-silent':
      return claim('explained', part('silent'));
    case 'explained-waiting':
      return claim('explained', part('waiting'));
    case 'explained-not-asked':
      return claim('explained', part('could-not-be-asked'));
    case 'promises':
      return promise(sql.fragment`part <> 'ahead'`);
    case 'promises-kept':
      return promise(part('kept'));
    case 'promises-late':
      return promise(part('late'));
    case 'promises-open':
      return promise(part('open'));
    case 'captured':
      return reached(0);
    case 'owned':
      return reached(1);
    case 'answered':
      return reached(2);
    case 'decided':
      return reached(3);
    case 'told':
      return reached(4);
    case 'settled':
      return reached(5);
    case 'unused':
      return sql.fragment`(select id, 1 as round, sample, place, due_at as at from ${undecidedAt(within)} undecided where past)`;
  }
}

const anything = sql.fragment`true`;

type SqlFragment = ReturnType<typeof sql.fragment>;
