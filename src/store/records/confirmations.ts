/** What the customer said of how it ended. */

import { newId } from '../../domain/ids.ts';
import { sql, type Tx } from '../pool.ts';

export interface NewConfirmation {
  loopId: string;
  round: number;
  says: 'yes' | 'no';
  question: 'settled' | 'explained';
  words?: string | undefined;
  /** The member of staff who heard it; absent when the customer pressed it. */
  by?: string | undefined;
  late: boolean;
}

/** The fact's id, or null when this was said before in this round. */
export async function recordConfirmation(tx: Tx, c: NewConfirmation): Promise<string | null> {
  const id = newId();
  const { rowCount } = await tx.query(sql.unsafe`
    insert into confirmations (id, loop_id, round, says, question, words, by, late)
    values (${id}, ${c.loopId}, ${c.round}, ${c.says}, ${c.question}, ${c.words ?? null}, ${c.by ?? null}, ${c.late})
    on conflict do nothing`);
  return rowCount === 1 ? id : null;
}
