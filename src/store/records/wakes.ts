/** "Look at this loop again", as rows: written with every fact, carried to Temporal by the relay, deleted only when nobody asked again. */

import { z } from 'zod';
import { sql, type Db, type Tx } from '../pool.ts';

/** In the order they are served: somebody waits for a response; a story opens; a wave (tellings, a re-plan, everything after a loss) can take its
 *  time. */
export type WakeClass = 'response' | 'start' | 'wave';

export async function wake(tx: Tx, loopId: string, as: WakeClass): Promise<void> {
  await tx.query(sql.unsafe`
    insert into wakes (loop_id, class)
    select id, ${as} from loops where id = ${loopId} and not sample
    on conflict (loop_id) do update set
      asked = excluded.asked,
      leased_until = null,
      class = least(wakes.class, excluded.class),
      not_before = least(wakes.not_before, excluded.not_before)`);
}

const Leased = z.object({
  loop_id: z.string(),
  kind: z.enum(['signal', 'insight']),
  reference: z.string(),
  asked: z.number(),
  /** The story begins again from the top, whatever it is doing. */
  anew: z.boolean(),
  attempts: z.number(),
  waited_ms: z.number(),
});
export type LeasedWake = z.infer<typeof Leased>;

/** Takes up to `most` due wakes of a class for 30 s. */
export async function leaseWakes(db: Db, as: WakeClass, most: number): Promise<readonly LeasedWake[]> {
  // Chosen before any is taken, as what is due of the ledger.
  return db.any(sql.type(Leased)`
    with due as materialized (
      select loop_id from wakes
      where class = ${as} and not_before <= heed_now() and (leased_until is null or leased_until < clock_timestamp())
      order by not_before
      limit ${most}
      for update skip locked)
    update wakes w set leased_until = clock_timestamp() + interval '30 s', attempts = attempts + 1
    from due
    join loops l on l.id = due.loop_id
    left join signals s on s.id = l.id
    left join insights i on i.id = l.id
    where w.loop_id = due.loop_id
    returning w.loop_id, l.kind, coalesce(s.reference, i.reference) as reference, w.asked, w.anew, w.attempts,
      (extract(epoch from clock_timestamp() - w.since) * 1000)::float8 as waited_ms`);
}

/** Whether more than so many of a class are due. Reads no more than that. */
export async function moreWakesThan(db: Db, as: WakeClass, many: number): Promise<boolean> {
  return db.exists(sql.unsafe`select from wakes where class = ${as} and not_before <= heed_now() offset ${many}`);
}

/** Carried. A row that was asked for again meanwhile stays. */
export async function wakeCarried(db: Db, loopId: string, asked: number): Promise<void> {
  await db.query(sql.unsafe`delete from wakes where loop_id = ${loopId} and asked = ${asked}`);
}

/** Not carried: again after `ms`. A wake is never given up. */
export async function wakePostponed(db: Db, loopId: string, asked: number, ms: number): Promise<void> {
  await db.query(sql.unsafe`
    update wakes set leased_until = null, not_before = heed_now() + make_interval(secs => ${ms / 1000})
    where loop_id = ${loopId} and asked = ${asked}`);
}

/** However many there are, no statement takes long, and whoever responds to one of them waits for no more than a portion. */
const wokenAtOnce = 1_000;
const Portion = z.object({ woken: z.number(), last: z.string().nullable() });

/** Wakes every open loop, as after Temporal was lost or restored; `anew` where our own database was, so that stories may be ahead of it. As a wave:
 *  whoever speaks or responds meanwhile goes before all of them. Returns how many. */
export async function wakeAllOpen(db: Db, { anew = false } = {}): Promise<number> {
  let all = 0;
  let after: string | null = '00000000-0000-0000-0000-000000000000';
  while (after !== null) {
    const { woken, last }: z.infer<typeof Portion> = await db.one(sql.type(Portion)`
      with portion as (select id from now.open_loops where id > ${after} order by id limit ${wokenAtOnce}),
      woken as (
        insert into wakes (loop_id, class, anew) select id, 'wave', ${anew} from portion
        on conflict (loop_id) do update set asked = excluded.asked, leased_until = null, anew = wakes.anew or excluded.anew)
      select count(*)::integer as woken, (select id from portion order by id desc limit 1) as last from portion`);
    all += woken;
    after = last;
  }
  return all;
}
