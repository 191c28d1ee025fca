/** "It's mine": the holder of a loop has taken it. */

import { newId } from '../../domain/ids.ts';
import { sql, type Tx } from '../pool.ts';

export async function recordAcknowledgement(
  tx: Tx,
  a: { loopId: string; round: number; ownershipId: string; by: string },
): Promise<string> {
  const id = newId();
  await tx.query(sql.unsafe`
    insert into acknowledgements (id, loop_id, round, ownership_id, by) values (${id}, ${a.loopId}, ${a.round}, ${a.ownershipId}, ${a.by})`);
  return id;
}
