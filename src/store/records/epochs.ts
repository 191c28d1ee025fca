/** Epochs of the ledger: one begins whenever our database was put back to an earlier moment. */

import { z } from 'zod';
import { sql, type Tx } from '../pool.ts';
import { revokeAllSessions } from './sessions.ts';
import { wakeAllOpen } from './wakes.ts';

const EpochRow = z.object({ epoch: z.number() });

export interface PutBack {
  epoch: number;
  /** In doubt from now on: letters to customers, and messages in all. */
  letters: number;
  messages: number;
  /** Open loops that were woken. */
  loops: number;
}

/** Our database was put back: an epoch begins, what an earlier one left unfinished is in doubt, every open story begins again, and so does whoever
 *  was signed in. */
export async function putBack(tx: Tx, { by, reason }: { by: string; reason: string }): Promise<PutBack> {
  const epoch = await beginEpoch(tx, { by, reason });
  const doubted = await doubtEarlierEpochs(tx);
  // Who was signed out since, or used their link, would be in again; which of them that was is not known any more.
  await revokeAllSessions(tx);
  return { epoch, ...doubted, loops: await wakeAllOpen(tx, { anew: true }) };
}

async function beginEpoch(tx: Tx, { by, reason }: { by: string; reason: string }): Promise<number> {
  return tx.oneFirst(sql.type(EpochRow)`
    insert into epochs (epoch, by, reason) values (heed_epoch() + 1, ${by}, ${reason}) returning epoch`);
}

const Doubted = z.object({ letters: z.number(), messages: z.number() });

/** Everything of an earlier epoch that is not known to have been sent or ended may have been sent since: it is in doubt, until evidence or a
 *  person settles it. What was not due yet has certainly not been sent, unless somebody held it and may have let it go at any time; and the edit
 *  of a card does no harm twice. Returns how many: letters to customers, and messages in all. */
async function doubtEarlierEpochs(tx: Tx): Promise<z.infer<typeof Doubted>> {
  return tx.one(sql.type(Doubted)`
    with doubted as (
      update deliveries set
        state = 'uncertain',
        phase = 'handed',
        fence = fence + 1,
        last_error_code = 'restored',
        lease_until = null,
        started_until = null,
        failing_since = null,
        not_before = heed_now() + case when customer_id is null then interval '1 minute' else interval '15 minutes' end
      where epoch < heed_epoch() and purpose <> 'card'
        and (state = 'sending' or (state in ('planned', 'ready') and (not_before <= heed_now() or last_error_code in ('stopped', 'restricted'))))
      returning customer_id, purpose)
    select (count(customer_id) filter (where purpose <> 'redaction'))::integer as letters, count(*)::integer as messages from doubted`);
}

/** A letter planned only now about something that was said or decided before the epoch began may have left in the part of the past that was
 *  lost: it is in doubt from its first moment. */
export async function doubtIfFromBefore(tx: Tx, deliveryId: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries d set
      state = 'uncertain', phase = 'handed', last_error_code = 'restored', not_before = heed_now() + interval '15 minutes'
    where id = ${deliveryId} and customer_id is not null and exists (
      select from epochs e
      where e.epoch > 1 and e.began_at > case d.purpose
        when 'told' then (select decided_at from decisions where id = d.occasion)
        when 'receipt' then (select opened_at from loops where id = d.loop_id)
      end)`);
}
