/** What is past its time, and the record of letting it go. What is open, or rests, is never past it. */

import { z } from 'zod';
import { sql, type Db, type Tx } from '../pool.ts';
import { IdRow } from '../rows.ts';
import { holdTheChain } from './chain.ts';

const DueRow = z.object({ due: z.boolean() });
const BegunRow = z.object({ at: z.string(), erased: z.boolean() });

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

/** How long words are kept after closing, in milliseconds; null: until somebody asks that they be erased. */
export interface WordsKept {
  kinds: Readonly<Record<string, number>>;
  others: number | null;
}

const Past = z.object({ id: z.string(), customer_id: z.string().nullable(), kind: z.string() });
export type Past = z.infer<typeof Past>;

/** Of these signals those whose words are still there, although they and whatever they are part of were closed so long ago. What somebody lets rest
 *  is kept for them: they may need it against us. */
export function pastTheirTime(
  db: Db,
  { kinds, others }: WordsKept,
  signalIds: readonly string[],
): Promise<readonly Past[]> {
  return db.any(sql.type(Past)`
    select s.id, s.customer_id, what.kind
    from signals s
    join loops l on l.id = s.id and not l.sample
    left join triages t on t.signal_id = s.id
    left join reviews v on v.signal_id = s.id
    cross join lateral (select coalesce(v.kind, t.kind, s.kind, 'unclear') as kind) what
    left join ${sql.unnest(Object.entries(kinds), ['text', 'float8'])} as given (kind, ms) on given.kind = what.kind
    join lateral (select r.round from rounds r where r.loop_id = s.id order by r.round desc limit 1) r on true
    join closures z on z.loop_id = s.id and z.round = r.round
    where s.id = any(${sql.array([...signalIds], 'uuid')})
      and exists (select from words w where w.signal_id = s.id offset 0)
      and z.closed_at < heed_now() - make_interval(secs => coalesce(given.ms, ${others}::float8) / 1000)
      and not exists (
        select from now.insight_signals x join now.open_loops o on o.id = x.insight_id where x.signal_id = s.id)
      and not exists (select from now.restrictions rest where rest.customer_id = s.customer_id)
    order by z.closed_at, s.id`);
}

/** However much is kept, no statement takes long; and of what was let go of before none reads anything. */
const lookedAtOnce = 1_000;

/** All that are past their time, from each thousand whose words are still there. */
export async function* allPastTheirTime(db: Db, kept: WordsKept): AsyncGenerator<readonly Past[]> {
  if (kept.others === null && Object.keys(kept.kinds).length === 0) return;
  for await (const ids of inPortions((after) =>
    db.anyFirst(sql.type(IdRow)`
      select signal_id as id from words where signal_id > ${after} order by signal_id limit ${lookedAtOnce}`),
  ))
    yield await pastTheirTime(db, kept, ids);
}

async function* inPortions(
  next: (after: string) => Promise<readonly string[]>,
  before = '00000000-0000-0000-0000-000000000000',
): AsyncGenerator<readonly string[]> {
  let after: string | undefined = before;
  while (after !== undefined) {
    const ids = await next(after);
    yield ids;
    after = ids.at(lookedAtOnce - 1);
  }
}

/** Of these customers those of whom nothing that was said is left: their names and addresses serve nothing any more. */
export function leftWithoutWords(db: Db, customerIds: readonly string[]): Promise<readonly string[]> {
  return db.anyFirst(sql.type(IdRow)`
    select c.id from customers c
    where c.id = any(${sql.array([...customerIds], 'uuid')})
      and not exists (select from signals s join words w on w.signal_id = s.id where s.customer_id = c.id)`);
}

/** But for those to somebody who lets everything rest. */
export async function deleteLetters(db: Db, keptMs: number): Promise<number> {
  let letters = 0;
  for await (const ids of inPortions((after) =>
    db.anyFirst(sql.type(IdRow)`
      select delivery_id as id from delivery_bodies where delivery_id > ${after} order by delivery_id limit ${lookedAtOnce}`),
  )) {
    const { rowCount } = await db.query(sql.unsafe`
      delete from delivery_bodies b using deliveries d
      where b.delivery_id = any(${sql.array([...ids], 'uuid')}) and d.id = b.delivery_id
        and d.ended_at < heed_now() - make_interval(secs => ${keptMs / 1000})
        and not exists (select from now.restrictions rest where rest.customer_id = d.customer_id)`);
    letters += rowCount;
  }
  return letters;
}

/** Links and sessions that let nobody in any more, and have not for ninety days. What a link says of a loop that was closed is over ninety days
 *  later (yours.ts); by the one that stops our letters they can be stopped for as long as anybody keeps one. */
export async function deleteEndedLinks(db: Db): Promise<number> {
  let ended = 0;
  for await (const hashes of inPortions(
    (after) =>
      db.anyFirst(sql.type(IdRow)`
        select encode(token_hash, 'hex') as id from links where token_hash > decode(${after}, 'hex') order by token_hash limit ${lookedAtOnce}`),
    '',
  )) {
    const { rowCount } = await db.query(sql.unsafe`
      delete from links k
      where k.token_hash = any(${sql.array(
        hashes.map((hash) => Buffer.from(hash, 'hex')),
        'bytea',
      )})
        and (least(coalesce(k.revoked_at, 'infinity'), coalesce(k.expires_at, 'infinity')) < heed_now() - interval '90 days'
          or k.kind in ('yours', 'not_me', 'task') and exists (
            select from (select r.round from rounds r where r.loop_id = k.loop_id order by r.round desc limit 1) r
            join closures z on z.loop_id = k.loop_id and z.round = r.round
            where z.closed_at < heed_now() - interval '180 days'))`);
    ended += rowCount;
  }
  const sessions = await db.query(sql.unsafe`
    delete from sessions where least(coalesce(revoked_at, 'infinity'), expires_at) < heed_now() - interval '90 days'`);
  return ended + sessions.rowCount;
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
