/** Pages of signals and of insights of some places, newest first, without samples. A page goes on after the moment and id at which the one before ended. */

import { z } from 'zod';
import { sql, type Db } from '../pool.ts';
import { InsightNow } from './insights.ts';
import { SignalNow } from './signals.ts';

/** Moment as Postgres writes it, to the microsecond, and id. */
export type After = readonly [at: string, id: string];

const SignalRow = SignalNow.extend({ position: z.string() });
const InsightRow = InsightNow.extend({ position: z.string() });

const among = (places: readonly string[]) => sql.fragment`any(${sql.array([...places], 'text')})`;

export function signalsPage(
  db: Db,
  places: readonly string[],
  most: number,
  after?: After,
): Promise<readonly z.infer<typeof SignalRow>[]> {
  return db.any(sql.type(SignalRow)`
    select s.*, s.captured_at::text as position
    from now.signals s
    where not s.sample and s.place = ${among(places)} ${after ? sql.fragment`and (s.captured_at, s.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql.fragment``}
    order by s.captured_at desc, s.id desc
    limit ${most}`);
}

/** Insights in which something was said at one of `places`. */
export function insightsPage(
  db: Db,
  places: readonly string[],
  most: number,
  after?: After,
): Promise<readonly z.infer<typeof InsightRow>[]> {
  return db.any(sql.type(InsightRow)`
    select i.*, i.opened_at::text as position
    from now.insights i
    where not i.sample
      and (i.place = ${among(places)} or exists (
        select from now.insight_signals x join loops l on l.id = x.signal_id where x.insight_id = i.id and l.place = ${among(places)}))
      ${after ? sql.fragment`and (i.opened_at, i.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql.fragment``}
    order by i.opened_at desc, i.id desc
    limit ${most}`);
}

/** The signals an insight holds that were said at one of `places`, oldest first. */
export function signalsOfInsight(db: Db, insightId: string, places: readonly string[]): Promise<readonly string[]> {
  return db.anyFirst(sql.type(z.object({ signal_id: z.string() }))`
    select x.signal_id from now.insight_signals x join loops l on l.id = x.signal_id
    where x.insight_id = ${insightId} and l.place = ${among(places)}
    order by x.joined_at, x.signal_id limit 1000`);
}
