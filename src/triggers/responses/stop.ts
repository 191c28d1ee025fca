/** "Stop writing to me" and "this wasn't me": at once, without sign-in, and ending what waits to be sent. */

import { z } from 'zod';
import { suppress } from '../../store/records/customers.ts';
import { factRecorded, lockLoop } from '../../store/records/loops.ts';
import { recordRight } from '../../store/records/rights.ts';
import { sql, type Tx } from '../../store/pool.ts';
import type { Heed } from '../heed.ts';

/** One-click unsubscribe (RFC 8058): nothing more goes to any e-mail address of this customer. Doing it twice does no harm. */
export function stopWriting(heed: Heed, customerId: string): Promise<void> {
  return stopReaching(heed, customerId, ['email'], { by: 'customer' });
}

/** An objection: nothing more goes to any of their addresses on these channels. */
export async function stopReaching(
  heed: Heed,
  customerId: string,
  channels: readonly ('email' | 'phone')[],
  { by, reason }: { by: string; reason?: string | undefined },
): Promise<void> {
  await heed.pool.transaction(async (tx) => {
    await recordRight(tx, { customerId, kind: 'objection', by, reason });
    for (const channel of channels)
      for (const address of await addresses(tx, customerId, channel))
        await suppress(tx, channel, address, 'unsubscribed');
    await wakeLoopsOf(tx, customerId);
  });
  heed.hint();
}

/** Whoever reads that address did not say this: the signal loses its customer's address, and nothing more is written about it. */
export async function disavow(heed: Heed, signalId: string, customerId: string): Promise<void> {
  await heed.pool.transaction(async (tx) => {
    await lockLoop(tx, signalId);
    await tx.query(sql.unsafe`insert into disavowals (signal_id) values (${signalId}) on conflict do nothing`);
    await tx.query(sql.unsafe`
      update deliveries set state = 'suppressed', last_error_code = 'not_me', ended_at = heed_now()
      where loop_id = ${signalId} and customer_id = ${customerId} and (state in ('planned', 'ready') or (state = 'sending' and phase = 'open'))`);
    await factRecorded(tx, signalId);
  });
  heed.hint();
}

function addresses(tx: Tx, customerId: string, channel: 'email' | 'phone'): Promise<readonly string[]> {
  return tx.anyFirst(sql.type(z.object({ normalised: z.string() }))`
    select normalised from identities where customer_id = ${customerId} and kind = ${channel}`);
}

/** Their loops look again: there may be nobody to reach any more. */
async function wakeLoopsOf(tx: Tx, customerId: string): Promise<void> {
  const loops = await tx.anyFirst(sql.type(z.object({ id: z.string() }))`
    select s.id from signals s join now.open_loops o on o.id = s.id where s.customer_id = ${customerId} order by s.id`);
  for (const id of loops) await factRecorded(tx, id);
}
