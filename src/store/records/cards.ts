/** The one message in Slack per task and person. */

import { z } from 'zod';
import { sql, type Db, type Tx } from '../pool.ts';
import { isErasedBehind } from './erased.ts';
import { redrawCards } from './loops.ts';

/** Remembers where a card was posted ('channel:ts'); the first stays the one that is edited. What was posted while somebody behind an insight was
 *  erased may quote them, until it is drawn anew. */
export async function keepCard(
  tx: Tx,
  d: { loop_id: string | null; staff: string | null; planned_at: Date },
  ref: string,
): Promise<void> {
  const [channel, ts] = ref.split(':');
  if (!d.loop_id || !d.staff || !channel || !ts) return;
  await tx.query(sql.unsafe`
    insert into slack_cards (loop_id, staff, channel, ts) values (${d.loop_id}, ${d.staff}, ${channel}, ${ts}) on conflict do nothing`);
  if (await isErasedBehind(tx, d.loop_id, d.planned_at)) await redrawCards(tx, [d.loop_id]);
}

const Card = z.object({ channel: z.string(), ts: z.string() });

export async function cardOf(db: Db, loopId: string, staff: string): Promise<z.infer<typeof Card> | null> {
  return db.maybeOne(
    sql.type(Card)`select channel, ts from slack_cards where loop_id = ${loopId} and staff = ${staff}`,
  );
}
