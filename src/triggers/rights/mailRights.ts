/** Seeing or erasing everything asks for more than the link of one remark, which may have been handed on: another goes to their mailbox. */

import { planDelivery } from '../../store/records/deliveries.ts';
import type { Heed } from '../heed.ts';

/** `key` is the press: pressed twice on one page, it is one mail. */
export async function mailRights(heed: Heed, customerId: string, key: string): Promise<void> {
  await heed.pool.transaction((tx) =>
    planDelivery(tx, { key: `rights:${customerId}:${key}`, purpose: 'rights', channel: 'email', customerId }),
  );
  heed.hint();
}
