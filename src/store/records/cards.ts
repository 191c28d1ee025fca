/** The one message in Slack per task and person. */

import { z } from 'zod';
import { sql, type Db, type Tx } from '../pool.ts';
import type { Delivery } from './deliveries.ts';
import { isErasedBehind } from './erased.ts';
import { redrawCards } from './loops.ts';
import { takeBackPosted, takeLateRing } from './redactions.ts';
import { restsBehind } from './rights.ts';

/** Remembers where a card was posted ('channel:ts'); the first stays the one that is edited, and another beside it is taken back, since nobody would
 *  draw it anew. What was posted while somebody behind it was erased, or asked that everything rests, may quote them, until it is drawn anew. What was
 *  posted to whoever had this code when it was written (`now`), while it was given to somebody else, is nobody's card, and is taken back. */
export async function keepCard(
  tx: Tx,
  d: Pick<Delivery, 'id' | 'loop_id' | 'staff' | 'planned_at' | 'now'>,
  ref: string,
): Promise<void> {
  const [channel, ts] = ref.split(':');
  if (!d.loop_id || !d.staff || !channel || !ts) return;
  await tx.query(sql.unsafe`
    insert into slack_cards (loop_id, staff, channel, ts) values (${d.loop_id}, ${d.staff}, ${channel}, ${ts}) on conflict do nothing`);
  // Asked after it is there: whoever gives the code away locks its row, so one of the two waits for the other, and sees what it did.
  if (await isSomebodyElseSince(tx, d.staff, d.now)) {
    await tx.query(sql.unsafe`
      delete from slack_cards where loop_id = ${d.loop_id} and staff = ${d.staff} and channel = ${channel} and ts = ${ts}`);
    return takeBackPosted(tx, d.id);
  }
  if (await isBesideCard(tx, d, ts)) return takeBackPosted(tx, d.id);
  const isErased = await isErasedBehind(tx, d.loop_id, d.planned_at);
  if (isErased) await takeLateRing(tx, d.id);
  if (isErased || (await restsBehind(tx, d.loop_id))) await redrawCards(tx, [d.loop_id]);
}

/** Whether what was posted is a card itself, though there is one. What rings below a card is posted after it, and by an attempt that knew of it. */
function isBesideCard(
  tx: Tx,
  { loop_id: loopId, staff, now }: Pick<Delivery, 'loop_id' | 'staff' | 'now'>,
  ts: string,
): Promise<boolean> {
  return tx.exists(sql.unsafe`
    select from slack_cards
    where loop_id = ${loopId} and staff = ${staff} and ts <> ${ts} and (ts > ${ts} or posted_at > ${sql.timestamp(now)})`);
}

/** Whether a code has another address than in the company file of that moment. */
function isSomebodyElseSince(tx: Tx, staff: string, at: Date): Promise<boolean> {
  return tx.exists(sql.unsafe`
    select from staff s
    cross join lateral (
      select lower(c.document -> 'staff' -> s.code ->> 'email') as email
      from configurations c where c.applied_at <= ${sql.timestamp(at)} order by c.version desc limit 1
    ) file
    where s.code = ${staff} and s.email not in (file.email, 'former:' || s.code || ':' || file.email)`);
}

const Card = z.object({ channel: z.string(), ts: z.string() });

export async function cardOf(db: Db, loopId: string, staff: string): Promise<z.infer<typeof Card> | null> {
  return db.maybeOne(
    sql.type(Card)`select channel, ts from slack_cards where loop_id = ${loopId} and staff = ${staff}`,
  );
}
