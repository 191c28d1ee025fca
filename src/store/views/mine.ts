/** What became of what somebody captured, newest news first. */

import { z } from 'zod';
import { decisionOutcomes, decisionScopes } from '../../domain/decisions.ts';
import { sql, type Db } from '../pool.ts';
import { SignalNow } from './signals.ts';

const Mine = SignalNow.extend({
  words: z.string().nullable(),
  unmet: z.string().nullable(),
  attributes: z.record(z.string(), z.string()),
  news_at: z.date(),
  outcome: z.enum(decisionOutcomes).nullable(),
  scope: z.enum(decisionScopes).nullable(),
  decision_reason: z.string().nullable(),
  done_by: z.string().nullable(),
  decided_by: z.string().nullable(),
  decider: z.string().nullable(),
});
export type Mine = z.infer<typeof Mine>;

const More = z.object({ more: z.boolean() });

/** What they captured, `most` from the `skip`-th last on; `more`: there are earlier ones. A decision is news once it is final. */
export async function mine(
  db: Db,
  staff: string,
  { skip, most }: { skip: number; most: number },
): Promise<{ captured: readonly Mine[]; more: boolean }> {
  const [captured, more] = await Promise.all([
    // As many as are shown: what is cut off afterwards would be what has no news, and not what was captured before.
    db.any(sql.type(Mine)`
      select s.*, w.words, w.unmet,
        coalesce((select jsonb_object_agg(a.name, a.value) from signal_attributes a where a.signal_id = s.id), '{}') as attributes,
        greatest(s.captured_at, s.triaged_at, s.reviewed_at, s.acknowledged_at, s.answered_at, s.told_at, s.confirmed_at, s.closed_at, d.final_at) as news_at,
        d.outcome, d.scope, d.reason as decision_reason, d.done_by, d.by as decided_by, o.staff as decider
      from now.signals s
      left join words w on w.signal_id = s.id
      left join now.decisions d on d.insight_id = s.insight_id and d.final_at <= heed_now()
      left join ownerships o on o.loop_id = s.insight_id and o.ended_at is null
      where s.id = any(array(select id from signals where captured_by = ${staff} order by captured_at desc, id desc limit ${most} offset ${skip}))
      order by news_at desc, s.id desc`),
    db.oneFirst(sql.type(More)`
      select exists (select from signals where captured_by = ${staff} order by captured_at desc, id desc offset ${skip + most}) as more`),
  ]);
  return { captured, more };
}
