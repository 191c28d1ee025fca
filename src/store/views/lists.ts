/** Pages of signals and of insights in sight, newest first, without samples. A page goes on after the moment and id at which the one before ended.
 *  `open`: only what still owes somebody something, or only what does not; undefined: all. */

import { z } from 'zod';
import type { Sight } from '../../domain/entitlement.ts';
import { sql, type Db } from '../pool.ts';
import { SignalIdRow } from '../rows.ts';
import { InsightNow } from './insights.ts';
import { placeIn } from './sight.ts';
import { SignalNow } from './signals.ts';

/** Moment in microseconds since 1970, in at most sixteen digits, and id. */
export type After = readonly [at: string, id: string];

const SignalRow = SignalNow.extend({ position: z.string() });
const InsightRow = InsightNow.extend({ position: z.string() });

/** All that a page says of where it ends is a number: none is no moment, and it means the same in every time zone. */
const moment = (microseconds: string) =>
  sql.fragment`timestamptz 'epoch' + ${microseconds}::bigint * interval '1 microsecond'`;

/** One look-up a row: else the planner may work out what is true of everything there ever was, and keep a page of it. */
const eachOfPage = (view: 'signals' | 'insights') =>
  sql.fragment`select * from ${sql.identifier(['now', view])} x where x.id = page.id offset 0`;

interface Wanted {
  open?: boolean | undefined;
  after?: After | undefined;
}

/** What is open is looked up by its list: from the newest on, everything that was ever closed would be read where less is open than a page holds. */
const openOnly = (id: 's' | 'i' | 'l', open: boolean | undefined) => {
  const name = sql.identifier([id, 'id']);
  if (open === undefined) return sql.fragment``;
  return open
    ? sql.fragment`and ${name} = any(array(select r.loop_id from open_rounds r))`
    : sql.fragment`and not exists (select from open_rounds r where r.loop_id = ${name})`;
};

export function signalsPage(
  db: Db,
  sight: Sight,
  most: number,
  wanted: Wanted = {},
): Promise<readonly z.infer<typeof SignalRow>[]> {
  const page =
    sight === 'everywhere' || wanted.open
      ? newestSignals(sight, most, wanted)
      : newestOfEachPlace([...new Set(sight)], most, wanted);
  return db.any(sql.type(SignalRow)`
    with page as materialized (${page})
    select s.*, (extract(epoch from s.captured_at) * 1000000)::bigint::text as position
    from page cross join lateral (${eachOfPage('signals')}) s
    order by s.captured_at desc, s.id desc`);
}

const newestSignals = (sight: Sight, most: number, { open, after }: Wanted) => sql.fragment`
  select s.id
  from signals s join loops l on l.id = s.id
  where not l.sample and ${placeIn(sight)} ${openOnly('s', open)}
    ${after ? sql.fragment`and (s.captured_at, s.id) < (${moment(after[0])}, ${after[1]}::uuid)` : sql.fragment``}
  order by s.captured_at desc, s.id desc
  limit ${most}`;

/** As many of each place as a page holds, and of those the newest: else all that was said elsewhere is read where there is little of it. A signal's loop
 *  was opened when it was captured. A key or a person may have been given a place twice. */
const newestOfEachPlace = (places: string[], most: number, { open, after }: Wanted) => sql.fragment`
  select newest.id
  from unnest(${sql.array(places, 'text')}) as seen (place)
  cross join lateral (
    select l.id, l.opened_at from loops l
    where l.place = seen.place and l.kind = 'signal' and not l.sample ${openOnly('l', open)}
      ${after ? sql.fragment`and (l.opened_at, l.id) < (${moment(after[0])}, ${after[1]}::uuid)` : sql.fragment``}
    order by l.opened_at desc, l.id desc
    limit ${most}
  ) newest
  order by newest.opened_at desc, newest.id desc
  limit ${most}`;

/** Insights in which something was said where `sight` reaches. */
export function insightsPage(
  db: Db,
  sight: Sight,
  most: number,
  { open, after }: Wanted = {},
): Promise<readonly z.infer<typeof InsightRow>[]> {
  return db.any(sql.type(InsightRow)`
    with page as materialized (
      select i.id
      from insights i join loops o on o.id = i.id
      where not o.sample
        and (${placeIn(sight, 'o')} or exists (
          select from now.insight_signals x join loops l on l.id = x.signal_id where x.insight_id = i.id and ${placeIn(sight)}))
        ${openOnly('i', open)}
        ${after ? sql.fragment`and (i.opened_at, i.id) < (${moment(after[0])}, ${after[1]}::uuid)` : sql.fragment``}
      order by i.opened_at desc, i.id desc
      limit ${most}
    )
    select i.*, (extract(epoch from i.opened_at) * 1000000)::bigint::text as position
    from page cross join lateral (${eachOfPage('insights')}) i
    order by i.opened_at desc, i.id desc`);
}

/** The signals an insight holds that were said where `sight` reaches, oldest first. */
export function signalsOfInsight(db: Db, insightId: string, sight: Sight): Promise<readonly string[]> {
  return db.anyFirst(sql.type(SignalIdRow)`
    select x.signal_id from now.insight_signals x join loops l on l.id = x.signal_id
    where x.insight_id = ${insightId} and ${placeIn(sight)}
    order by x.joined_at, x.signal_id limit 1000`);
}
