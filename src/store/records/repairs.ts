/** What an operator put right by hand, with the reason. */

import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';

export const repairActions = ['wake', 'resend', 'leave'] as const;
export type RepairAction = (typeof repairActions)[number];

export async function recordRepair(
  tx: Tx,
  r: { loopId: string; action: RepairAction; by: string; reason: string },
): Promise<string> {
  const id = newId();
  await tx.query(sql.unsafe`
    insert into repairs (id, loop_id, action, by, reason) values (${id}, ${r.loopId}, ${r.action}, ${r.by}, ${r.reason})`);
  return id;
}

/** Messages of a loop of which nobody knows whether they were sent: again, as if they had not been. Returns how many. */
export async function resendInDoubt(tx: Tx, loopId: string): Promise<number> {
  const { rowCount } = await tx.query(sql.unsafe`
    update deliveries set state = 'ready', phase = 'none', lease_until = null, started_until = null, last_error_code = 'resent_by_hand', not_before = heed_now()
    where loop_id = ${loopId} and state in ('uncertain', 'needs_human')`);
  return rowCount;
}

/** The same messages: left as they are, and not looked at again. Returns how many. */
export async function leaveInDoubt(tx: Tx, loopId: string): Promise<number> {
  const { rowCount } = await tx.query(sql.unsafe`
    update deliveries set state = 'failed', lease_until = null, last_error_code = 'left_by_hand', ended_at = heed_now()
    where loop_id = ${loopId} and state in ('uncertain', 'needs_human')`);
  return rowCount;
}

const Named = z.object({ id: z.string(), reference: z.string() });

/** The loop behind a reference as people say it (HD-7F3K, in any case) or an id. */
export async function loopNamed(db: Db, name: string): Promise<z.infer<typeof Named> | null> {
  return db.maybeOne(sql.type(Named)`
    select id, reference from signals where reference = ${name.toUpperCase()} or id::text = ${name.toLowerCase()}
    union all
    select id, reference from insights where reference = ${name.toUpperCase()} or id::text = ${name.toLowerCase()}`);
}
