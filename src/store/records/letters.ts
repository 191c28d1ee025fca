/** A letter to a customer, and the signals that are answered or told through it. */

import type { Db, Tx } from '../pool.ts';
import { factRecorded } from './loops.ts';
import { signalsToldThrough } from './tellings.ts';

/** A message of the ledger, as far as it says who waits for it. */
export interface Letter {
  id: string;
  purpose: string;
  loop_id: string | null;
  occasion: string | null;
  customer_id: string | null;
}

/** Ids of the signals that wait for it: none for thanks. One letter may tell what became of several, which are not all with the same person. */
export async function waitingFor(
  db: Db,
  { purpose, loop_id: loop, occasion, customer_id: customer }: Letter,
): Promise<readonly string[]> {
  if (!customer) return [];
  if (purpose === 'told' && occasion) return signalsToldThrough(db, occasion, customer);
  return purpose === 'answer' && loop ? [loop] : [];
}

/** What becomes of it moves each of them. */
export async function wakeWhoWait(tx: Tx, letter: Letter): Promise<void> {
  for (const id of await waitingFor(tx, letter))
    await factRecorded(tx, id, letter.purpose === 'told' ? 'wave' : 'response');
}
