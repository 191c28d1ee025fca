/** Pages of signals and of insights, newest first, without samples. A page goes on after the moment and id at which the one before ended. */

import { z } from 'zod';
import { sql, type Db } from '../pool.ts';
import { InsightNow } from './insights.ts';
import { SignalNow } from './signals.ts';

/** Moment as Postgres writes it, to the microsecond, and id. */
export type After = readonly [at: string, id: string];

const SignalRow = SignalNow.extend({ position: z.string() });
const InsightRow = InsightNow.extend({ position: z.string() });

export function signalsPage(db: Db, most: number, after?: After): Promise<readonly z.infer<typeof SignalRow>[]> {
  return db.any(sql.type(SignalRow)`
    select s.*, s.captured_at::text as position
    from now.signals s
    where not s.sample ${after ? sql.fragment`and (s.captured_at, s.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql.fragment``}
    order by s.captured_at desc, s.id desc
    limit ${most}`);
}

export function insightsPage(db: Db, most: number, after?: After): Promise<readonly z.infer<typeof InsightRow>[]> {
  return db.any(sql.type(InsightRow)`
    select i.*, i.opened_at::text as position
    from now.insights i
    where not i.sample ${after ? sql.fragment`and (i.opened_at, i.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql.fragment``}
    order by i.opened_at desc, i.id desc
    limit ${most}`);
}

/** The signals an insight holds, oldest first. */
export function signalsOfInsight(db: Db, insightId: string): Promise<readonly string[]> {
  return db.anyFirst(sql.type(z.object({ signal_id: z.string() }))`
    select signal_id from now.insight_signals where insight_id = ${insightId} order by joined_at, signal_id limit 1000`);
}
