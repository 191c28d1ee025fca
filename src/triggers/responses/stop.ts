/** "Stop writing to me" and "this wasn't me": at once, without sign-in, and ending what waits to be sent. */

import { holdTheChain } from '../../store/records/chain.ts';
import { addressesOf, suppress } from '../../store/records/customers.ts';
import { lockAddresses } from '../../store/records/erasures.ts';
import { factRecorded, lockLoop } from '../../store/records/loops.ts';
import { recordDisavowal, recordRight, takeMailboxOfAnother } from '../../store/records/rights.ts';
import { signalsToldThrough } from '../../store/records/tellings.ts';
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
    // An address that is put right at this moment is objected to here, or takes the place of one that was.
    await lockAddresses(tx, [customerId]);
    await recordRight(tx, { customerId, kind: 'objection', by, reason });
    await suppress(tx, await addressesOf(tx, customerId, channels), 'unsubscribed');
  });
  heed.hint();
}

/** Whoever reads that address did not say this: the signal loses its customer's address, and nothing more is written about it. Where they have
 *  said so of all that this customer said, the address is somebody else's, and opens nothing of theirs any more. */
export async function disavow(heed: Heed, signalId: string, customerId: string): Promise<void> {
  await heed.pool.transaction(async (tx) => {
    // As an erasure: the chain, the addresses, the loop. Whatever is captured at this moment comes before this or after it.
    await holdTheChain(tx);
    await lockAddresses(tx, [customerId]);
    await lockLoop(tx, signalId);
    const ended = await recordDisavowal(tx, { signalId, customerId });
    await takeMailboxOfAnother(tx, customerId);
    // What else they said was to be told through the same letter: it is told by itself from now on.
    for (const { purpose, occasion } of ended)
      if (purpose === 'told' && occasion)
        for (const id of await signalsToldThrough(tx, occasion, customerId)) await factRecorded(tx, id);
    await factRecorded(tx, signalId);
  });
  heed.hint();
}
