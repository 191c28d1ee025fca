/** Taking back what was sent about something erased: a delivery for each message that had left, so that it is tried until it is done. */

import { z } from 'zod';
import { sql, type Db, type Tx } from '../pool.ts';
import { isAbout } from './deliveries.ts';
import { erasedBehind } from './erased.ts';

/** Plans one for every message about these signals that was sent and not taken back yet, and for what was mailed about insights that quoted them, or
 *  rung below a card, also for mails that are being handed over or may have arrived: a card about an insight is drawn anew without them, the others
 *  stay as they are. Returns how many. */
export async function planRedactions(
  tx: Tx,
  { signals, insights = [] }: { signals: readonly string[]; insights?: readonly string[] },
  unhurried = false,
): Promise<number> {
  const about = sql.fragment`d.loop_id = any(${sql.array([...insights], 'uuid')})`;
  const mails = sql.fragment`${about} and d.channel = 'email'`;
  const planned = await takeBack(
    tx,
    sql.fragment`d.loop_id = any(${sql.array([...signals], 'uuid')}) or (${mails}) or (${about} and ${isRing})`,
    unhurried,
  );
  return planned + (await takeBack(tx, mails, unhurried, mayArrive));
}

/** An attempt at a mail is over, so what it brought is there by now or never comes: what was planned to take it back does so before another attempt
 *  brings what may stay. */
export async function takeBackNow(tx: Tx, id: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set not_before = heed_now()
    where dedupe_key = ${`redaction:${id}`} and state = 'planned' and not_before > heed_now()`);
}

/** Plans one for each mail by which somebody who is erased came to all that was held about them: those are about no loop. Returns how many. */
export async function takeRightsMails(tx: Tx, customerId: string, unhurried = false): Promise<number> {
  // Whoever records that one has left waits for this, or this for them: the later of the two finds what the other did.
  await tx.query(sql.unsafe`
    select id from deliveries where purpose = 'rights' and customer_id = ${customerId} order by id for no key update`);
  return takeBack(
    tx,
    sql.fragment`d.purpose = 'rights' and d.customer_id = ${customerId} and exists (select from erasures e where e.customer_id = d.customer_id)`,
    unhurried,
  );
}

/** Plans one for the news of these decisions, and of whatever was decided about these insights: they say to whoever captured what others said what is
 *  erased by now. They are not drawn anew: what became of it stands on their own page. Returns how many. */
export async function takeNews(
  tx: Tx,
  { decisions, insights }: { decisions: readonly string[]; insights: readonly string[] },
  unhurried = false,
): Promise<number> {
  if (decisions.length + insights.length === 0) return 0;
  const theirs = sql.fragment`d.purpose = 'news' and (d.loop_id, d.occasion) in (
    select t.signal_id, t.decision_id from told_signals t join decisions x on x.id = t.decision_id
    where x.id = any(${sql.array([...decisions], 'uuid')}) or x.insight_id = any(${sql.array([...insights], 'uuid')}))`;
  // As with the mails below.
  await tx.query(sql.unsafe`select d.id from deliveries d where ${theirs} order by d.id for no key update`);
  return takeBack(tx, theirs, unhurried);
}

/** The same for news that has just left: it may say what was erased while it did. What was erased before, it did not say: an erasure is over
 *  within a minute, and a message is in Slack, and on record, within another. */
export function takeLateNews(tx: Tx, id: string): Promise<number> {
  const erased = erasedBehind(
    sql.fragment`(select k.insight_id from decisions k where k.id = d.occasion)`,
    sql.fragment`greatest(d.planned_at, heed_now() - interval '2 minutes')`,
  );
  return takeBack(tx, sql.fragment`d.id = ${id} and d.purpose = 'news' and ${erased}`);
}

/** Takes the cards about an insight from colleagues for whom they are not drawn anew. Returns how many messages that takes back. */
export async function takeCards(tx: Tx, insight: string, from: readonly string[], unhurried = false): Promise<number> {
  const theirs = sql.fragment`loop_id = ${insight} and staff = any(${sql.array([...from], 'text')})`;
  await tx.query(sql.unsafe`delete from slack_cards where ${theirs}`);
  return takeBack(tx, sql.fragment`d.channel = 'slack' and ${theirs}`, unhurried);
}

/** What was posted to these people stands in rooms that are not theirs any more: their cards are not edited there, and the next is posted anew. A
 *  card about an insight is taken back, since an erasure finds it as a card alone; what is about a signal it finds in the ledger. */
export async function leaveCards(tx: Tx, staff: readonly string[]): Promise<void> {
  const theirs = sql.array([...staff], 'text');
  await takeBack(
    tx,
    sql.fragment`d.channel = 'slack' and exists (
      select from slack_cards c join loops l on l.id = c.loop_id and l.kind = 'insight'
      where c.staff = any(${theirs}) and c.staff = d.staff and c.loop_id = d.loop_id)`,
  );
  await tx.query(sql.unsafe`delete from slack_cards where staff = any(${theirs})`);
}

/** The same for what has just rung below a card: it may say why it was handed over in words that were erased while it did. */
export async function takeLateRing(tx: Tx, id: string): Promise<void> {
  await takeBack(tx, sql.fragment`d.id = ${id} and ${isRing}`);
}

/** Takes one message back that was posted in a room that is not its person's any more. */
export async function takeBackPosted(tx: Tx, id: string): Promise<void> {
  await takeBack(tx, sql.fragment`d.id = ${id}`);
}

/** A call in Slack that is not the card itself. */
const isRing = sql.fragment`d.channel = 'slack' and d.purpose = 'prompt' and not exists (
  select from slack_cards c where c.loop_id = d.loop_id and c.staff = d.staff and c.channel || ':' || c.ts = d.provider_ref)`;

const hasLeft = sql.fragment`d.state in ('sent', 'delivered', 'bounced', 'complained')`;
const mayArrive = sql.fragment`d.state in ('sending', 'uncertain') and d.phase = 'handed'`;

/** `unhurried`: nobody waits for it. Where somebody asks for what was to be taken back in its time, they do. What is being handed over is there once
 *  the lease is over that outlasts this, or never comes. */
async function takeBack(
  tx: Tx,
  which: ReturnType<typeof sql.fragment>,
  unhurried = false,
  where = hasLeft,
): Promise<number> {
  const { rowCount } = await tx.query(sql.unsafe`
    insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, customer_id, staff, occasion, message_id, unhurried, not_before)
    select x.id, 'redaction:' || d.id, 'redaction', d.channel, 'at_least_once', d.loop_id, d.customer_id, d.staff, d.id, '<d.' || x.id || '@heed>',
      ${unhurried}, heed_now() + greatest(d.lease_until - clock_timestamp(), '0')
    from deliveries d
    cross join lateral (select gen_random_uuid() as id, d.dedupe_key) x
    where (${which})
      and ${where}
      and d.purpose not in ('card', 'redaction')
    on conflict (dedupe_key) do update set unhurried = false
    where deliveries.unhurried and not excluded.unhurried and deliveries.state in ('planned', 'ready')`);
  return rowCount;
}

const InVain = z.object({ id: z.string(), fence: z.number() });

/** Those about a loop that Slack has refused for an hour, locked; not one that is tried at this very moment. */
export function redactionsInVain(tx: Tx, loopId: string | null): Promise<readonly z.infer<typeof InVain>[]> {
  return tx.any(sql.type(InVain)`
    select d.id, d.fence from deliveries d
    where ${isAbout(loopId)} and d.purpose = 'redaction' and d.channel = 'slack' and d.state = 'ready'
      and d.id in (select v.id from now.tried_in_vain v)
    order by d.planned_at, d.id
    for no key update`);
}

const Sent = z.object({ message_id: z.string(), provider_ref: z.string().nullable() });

/** The message that a redaction takes back. */
export function sentBefore(db: Db, deliveryId: string): Promise<z.infer<typeof Sent> | null> {
  return db.maybeOne(sql.type(Sent)`select message_id, provider_ref from deliveries where id = ${deliveryId}`);
}
