/** The switch that stops all sending: to customers, or to staff. What was to be sent waits, and is looked over anew once it goes on. */

import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { FoundRow } from '../rows.ts';

export const audiences = ['customers', 'staff'] as const;
export type Audience = (typeof audiences)[number];

const Stop = z.object({ audience: z.enum(audiences), by: z.string(), reason: z.string(), since: z.date() });
export type Stop = z.infer<typeof Stop>;

/** To whom nothing is sent just now, since when, by whom and why. */
export function standingStops(db: Db): Promise<readonly Stop[]> {
  return db.any(sql.type(Stop)`select audience, by, reason, since from now.stops order by audience`);
}

/** Whoever lets sending go on makes all of it due at once; this is for whatever that missed. */
const stoppedMs = 3_600_000;
/** An order is being given at this moment. */
const beingOrderedMs = 5_000;

/** How long to hold a message that was found stopped. Undefined where it goes on by now: whoever let it go on did not find this one held. Waits for
 *  nobody, as the row of the message is locked, for which whoever gives the order may wait. */
export async function stoppedForMs(tx: Tx, audience: Audience): Promise<number | undefined> {
  const nobodyOrders = await tx.oneFirst(
    sql.type(FoundRow)`select pg_try_advisory_xact_lock_shared(hashtextextended('heed.sending', 0)) as found`,
  );
  if (!nobodyOrders) return beingOrderedMs;
  return (await standingStops(tx)).some((stop) => stop.audience === audience) ? stoppedMs : undefined;
}

/** Records an order. Undefined when it is so already; else how many messages were held back by the stop that ends, and are due again. */
export async function orderSending(
  tx: Tx,
  { audience, stops, by, reason }: { audience: Audience; stops: boolean; by: string; reason: string },
): Promise<number | undefined> {
  await tx.query(sql.unsafe`select pg_advisory_xact_lock(hashtextextended('heed.sending', 0))`);
  // Now, and not when this began to wait for an order that was given meanwhile: the later of two stands.
  await tx.query(sql.unsafe`select heed_take_moment()`);
  const isStopped = (await standingStops(tx)).some((stop) => stop.audience === audience);
  if (isStopped === stops) return undefined;
  await tx.query(sql.unsafe`
    insert into sending_orders (id, audience, stops, by, reason) values (${newId()}, ${audience}, ${stops}, ${by}, ${reason})`);
  if (stops) return 0;
  const { rowCount } = await tx.query(sql.unsafe`
    update deliveries set not_before = heed_now(), started_until = null, last_error_code = null
    where state in ('planned', 'ready') and last_error_code = 'stopped' and (customer_id is null) = ${audience === 'staff'}`);
  return rowCount;
}
