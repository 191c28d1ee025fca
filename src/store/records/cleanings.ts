/** What is past its time, and the record of letting it go. What is open, or rests, is never past it. */

import { z } from 'zod';
import { sql, type Db, type Tx } from '../pool.ts';
import { CountRow, IdRow } from '../rows.ts';
import { holdTheChain } from './chain.ts';

const DueRow = z.object({ due: z.boolean() });
const BegunRow = z.object({ at: z.string(), erased: z.boolean() });
const KindRow = z.object({ kind: z.string() });

/** In `swept`, behind the name of a table that somebody was using. */
const inUse = ', in use';

/** The last cleaning that left no table for the next, and whether anything has been erased since, or left by those after it. */
const sinceTheLast = sql.fragment`
    last as (
      select max(cleaned_at) as at from cleanings
      where not exists (select from unnest(swept) as t (name) where t.name like ${`%${inUse}`})),
    since as (
      select exists (select from erasures where erased_at > coalesce(last.at, '-infinity'))
        or exists (select from cleanings where cleaned_at > coalesce(last.at, '-infinity')) as erased
      from last)`;

/** Once a day, and as soon as anything was erased since: what is deleted must leave the disk, too. */
export function isCleaningDue(db: Db): Promise<boolean> {
  return db.oneFirst(sql.type(DueRow)`
    with ${sinceTheLast}
    select since.erased or last.at is null or last.at < heed_now() - interval '1 day' as due from last, since`);
}

/** Its moment, and whether anything is to leave the disk. Nobody is in the middle of erasing then, and whoever begins later is dated later: so
 *  whatever is not gone by the end of this cleaning makes the next one due. */
export async function beginCleaning(tx: Tx): Promise<{ at: string; erased: boolean }> {
  await holdTheChain(tx);
  return tx.one(sql.type(BegunRow)`
    with ${sinceTheLast}
    select heed_take_moment()::text as at, erased from since`);
}

const Past = z.object({ id: z.string(), customer_id: z.string().nullable() });
export type Past = z.infer<typeof Past>;

/** Signals of a kind whose words are still there, although they and whatever they are part of were closed so long ago. What somebody lets rest is
 *  kept for them: they may need it against us. */
const past = (kind: string, keptMs: number) => sql.fragment`
    from signals s
    join words w on w.signal_id = s.id
    join loops l on l.id = s.id and not l.sample
    left join triages t on t.signal_id = s.id
    left join reviews v on v.signal_id = s.id
    join lateral (select r.round from rounds r where r.loop_id = s.id order by r.round desc limit 1) r on true
    join closures z on z.loop_id = s.id and z.round = r.round
    where coalesce(v.kind, t.kind, s.kind, 'unclear') = ${kind}
      and z.closed_at < heed_now() - make_interval(secs => ${keptMs / 1000})
      and not exists (
        select from now.insight_signals x join now.open_loops o on o.id = x.insight_id where x.signal_id = s.id)
      and not exists (select from now.restrictions rest where rest.customer_id = s.customer_id)`;

/** The oldest of them, of all or `among` these. */
export function pastTheirTime(
  db: Db,
  kind: string,
  keptMs: number,
  most: number,
  among?: readonly string[],
): Promise<readonly Past[]> {
  return db.any(sql.type(Past)`
    select s.id, s.customer_id ${past(kind, keptMs)}
      ${among ? sql.fragment`and s.id = any(${sql.array([...among], 'uuid')})` : sql.fragment``}
    order by z.closed_at, s.id
    limit ${most}`);
}

export function countPastTheirTime(db: Db, kind: string, keptMs: number): Promise<number> {
  return db.oneFirst(sql.type(CountRow)`select count(*)::integer as count ${past(kind, keptMs)}`);
}

/** The kinds that any words are of. */
export function kindsWithWords(db: Db): Promise<readonly string[]> {
  return db.anyFirst(sql.type(KindRow)`
    select distinct coalesce(v.kind, t.kind, s.kind, 'unclear') as kind
    from words w join signals s on s.id = w.signal_id
    left join triages t on t.signal_id = s.id left join reviews v on v.signal_id = s.id`);
}

/** Of these customers those of whom nothing that was said is left: their names and addresses serve nothing any more. */
export function leftWithoutWords(db: Db, customerIds: readonly string[]): Promise<readonly string[]> {
  return db.anyFirst(sql.type(IdRow)`
    select c.id from customers c
    where c.id = any(${sql.array([...customerIds], 'uuid')})
      and not exists (select from signals s join words w on w.signal_id = s.id where s.customer_id = c.id)`);
}

/** But for those to somebody who lets everything rest. */
export async function deleteLetters(tx: Tx, keptMs: number): Promise<number> {
  const { rowCount } = await tx.query(sql.unsafe`
    delete from delivery_bodies b using deliveries d
    where d.id = b.delivery_id and d.ended_at < heed_now() - make_interval(secs => ${keptMs / 1000})
      and not exists (select from now.restrictions rest where rest.customer_id = d.customer_id)`);
  return rowCount;
}

/** Links and sessions that let nobody in any more, and have not for ninety days. What a link says of a loop that was closed is over ninety days
 *  later (yours.ts); by the one that stops our letters they can be stopped for as long as anybody keeps one. */
export async function deleteEndedLinks(tx: Tx): Promise<number> {
  // The first time there may be millions.
  await tx.query(sql.unsafe`select set_config('statement_timeout', '60s', true)`);
  const expired = await tx.query(sql.unsafe`
    delete from links where least(coalesce(revoked_at, 'infinity'), coalesce(expires_at, 'infinity')) < heed_now() - interval '90 days'`);
  const closed = await tx.query(sql.unsafe`
    delete from links k using closures z
    where z.loop_id = k.loop_id and z.closed_at < heed_now() - interval '180 days'
      and z.round = (select max(r.round) from rounds r where r.loop_id = z.loop_id)
      and k.kind in ('yours', 'not_me', 'task')`);
  const sessions = await tx.query(sql.unsafe`
    delete from sessions where least(coalesce(revoked_at, 'infinity'), expires_at) < heed_now() - interval '90 days'`);
  return expired.rowCount + closed.rowCount + sessions.rowCount;
}

export async function recordCleaning(
  db: Db,
  at: string,
  c: { remarks: number; letters: number; links: number; swept: readonly string[]; inUse: readonly string[] },
): Promise<void> {
  const swept = [...c.swept, ...c.inUse.map((table) => `${table}${inUse}`)];
  await db.query(sql.unsafe`
    insert into cleanings (cleaned_at, remarks, letters, links, swept)
    values (${at}::timestamptz, ${c.remarks}, ${c.letters}, ${c.links}, ${sql.array(swept, 'text')}) on conflict do nothing`);
}
