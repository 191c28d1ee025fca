/** Who handed out a link that lets a colleague in, and who ended where somebody is signed in: what is done through a door names its person alone. */

import { newId } from '../../domain/ids.ts';
import { sql, type Tx } from '../pool.ts';

export interface DoorAct {
  act: 'invited' | 'signed_out';
  /** Whom it lets in, or who is out. */
  staff: string;
  /** The account of whoever typed it, or whoever pressed. */
  by: string;
  /** The one session that was ended; all of them without. */
  session?: string | undefined;
}

export async function recordDoorAct(tx: Tx, { act, staff, by, session }: DoorAct): Promise<void> {
  await tx.query(sql.unsafe`
    insert into door_acts (id, act, staff, session_id, by)
    values (${newId()}, ${act}, ${staff}, ${session ?? null}::uuid, ${by})`);
}
