/** Seeing or erasing everything asks for more than the link of one remark, which may have been handed on: another goes to their mailbox. */

import { momentOf } from '../../store/records/clock.ts';
import { planDelivery } from '../../store/records/deliveries.ts';
import type { Heed } from '../heed.ts';

/** Nobody is mailed twice within the same ten minutes, however often it is pressed: the link of one remark may be in many hands. */
export async function mailRights(heed: Heed, customerId: string): Promise<void> {
  await heed.pool.transaction(async (tx) => {
    const tenMinutes = (await momentOf(tx)).toISOString().slice(0, '2026-06-01T09:1'.length);
    await planDelivery(tx, {
      key: `rights:${customerId}:${tenMinutes}`,
      purpose: 'rights',
      channel: 'email',
      customerId,
    });
  });
  heed.hint();
}
