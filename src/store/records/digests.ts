/** Calls that would be too many at a time, named in one message: what a person can't read is no better than silence. */

import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { CountRow } from '../rows.ts';
import { planDelivery, wentByEmail, type Delivery } from './deliveries.ts';

const OccasionRow = z.object({ occasion: z.string() });
const LoopIdRow = z.object({ loop_id: z.string() });
const Named = z.object({
  id: z.string(),
  loop_id: z.string(),
  round: z.number(),
  staff: z.string(),
  occasion: z.string(),
});

/** A prompt to one of us. */
export type Call = Pick<Delivery, 'id' | 'channel' | 'now'> & { staff: string };

/** Whether `most` other prompts have gone to the same person by the same channel within the last `withinMs`, or are about to. One that may have gone
 *  counts from when it was planned; one in whose place an e-mail went does not. Until the transaction ends no other one to them is weighed: two at the same moment count each other. */
export async function isOneTooMany(tx: Tx, call: Call, most: number, withinMs: number): Promise<boolean> {
  await tx.query(
    sql.unsafe`select pg_advisory_xact_lock(hashtextextended(${`calls:${call.staff}:${call.channel}`}, 0))`,
  );
  const lately = await tx.oneFirst(sql.type(CountRow)`
    select count(*)::integer as count from (
      select from deliveries
      where purpose = 'prompt' and staff = ${call.staff} and channel = ${call.channel} and id <> ${call.id}
        and state in ('sending', 'uncertain', 'sent') and last_error_code is distinct from ${wentByEmail}
        and (ended_at is null or ended_at > heed_now() - make_interval(secs => ${withinMs / 1000}))
        and (state <> 'uncertain' or planned_at > heed_now() - make_interval(secs => ${withinMs / 1000}))
      limit ${most}) lately`);
  return lately >= most;
}

/** Has a prompt named in the person's next digest, which leaves `dueInMs` after the first that it names. */
export async function bundle(tx: Tx, call: Call, dueInMs: number): Promise<void> {
  const { staff, channel } = call;
  // One that is being sent has been composed, and names nothing more: its row is locked by then, or not to come any more.
  const toCome = await tx.maybeOneFirst(sql.type(OccasionRow)`
    select occasion from deliveries
    where purpose = 'digest' and staff = ${staff} and channel = ${channel} and state in ('planned', 'ready')
    order by planned_at limit 1 for no key update`);
  const occasion = toCome ?? newId();
  if (!toCome)
    await planDelivery(tx, {
      key: `digest:${staff}:${occasion}:${channel}`,
      purpose: 'digest',
      channel,
      staff,
      occasion,
      notBefore: new Date(call.now.getTime() + dueInMs),
    });
  await tx.query(sql.unsafe`update deliveries set bundled_into = ${occasion} where id = ${call.id}`);
}

/** The loops whose prompts a digest names, by its occasion. */
export function loopsNamedIn(db: Db, occasion: string): Promise<readonly string[]> {
  return db.anyFirst(sql.type(LoopIdRow)`
    select distinct loop_id from deliveries where bundled_into = ${occasion}`);
}

/** Its prompts themselves, in the order in which they were planned. */
export function promptsNamedIn(db: Db, occasion: string): Promise<readonly z.infer<typeof Named>[]> {
  return db.any(sql.type(Named)`
    select id, loop_id, round, staff, occasion from deliveries where bundled_into = ${occasion} order by planned_at, id`);
}
