/** "The address is right": mail had bounced there, and whoever has asked its customer says that it takes letters again. What did not arrive until
 *  then is not sent anew. */

import { DomainError } from '../../domain/errors.ts';
import { mailboxesOf, vouch } from '../../store/records/customers.ts';
import { lockAddresses } from '../../store/records/erasures.ts';
import type { Tx } from '../../store/pool.ts';
import type { Heed } from '../heed.ts';
import { respondToSignal, type Responding, type Response } from './respond.ts';

/** By a colleague, on the page of what the customer said, also once that is closed. Throws `conflict` where no bounce stands, or they asked us
 *  to stop as well. */
export function vouchOnPage(heed: Heed, responding: Responding): Promise<Response> {
  return respondToSignal(heed, responding, async (signal, { tx, by }) => {
    if (!signal.customer_id) throw nothingBounced();
    await vouchForAll(tx, signal.customer_id, by);
    return { sentence: 'They are written to at that address again.', factId: signal.id };
  });
}

/** By whoever operates Heed. Throws as `vouchOnPage`. */
export async function vouchByHand(heed: Heed, customerId: string, by: string): Promise<void> {
  await heed.pool.transaction(async (tx) => {
    // An address that is put right or erased at this moment is so before this or after it.
    await lockAddresses(tx, [customerId]);
    await vouchForAll(tx, customerId, by);
  });
  heed.hint();
}

async function vouchForAll(tx: Tx, customerId: string, by: string): Promise<void> {
  if (!(await vouch(tx, await mailboxesOf(tx, customerId), { how: 'confirmed', by }))) throw nothingBounced();
}

const nothingBounced = (): DomainError =>
  new DomainError(
    'conflict',
    'There is no address of theirs that only a bounce speaks against. Where they asked us to stop, nobody else can say otherwise.',
  );
