/** Seeing or erasing everything asks for more than the link of one remark, which may have been handed on: another goes to their mailbox. */

import { momentOf } from '../../store/records/clock.ts';
import { lockCustomer } from '../../store/records/customers.ts';
import { planDelivery } from '../../store/records/deliveries.ts';
import { press, pressed, type Press } from '../../store/records/presses.ts';
import { waysInMailed } from '../../store/records/rights.ts';
import type { Heed } from '../heed.ts';

const onItsWay = 'A link is on its way to your e-mail address. It works for an hour.';

/** Whoever wants to see or erase what is held about them gets along with as many, and an hour for each. */
const mostInADay = 3;
/** A mailbox that takes none of it for so long gets none of it: whoever asked may ask again, and nobody of ours can do anything about that. */
const endsAfterMs = 86_400_000;

/** Nobody is mailed twice within the same ten minutes, nor more than three times a day, however often it is pressed and by whom: the link of one remark
 *  may be in many hands, and "stop" does not end this. Whoever presses is not told. `asked`: by which press, which counts once however often its page
 *  is loaded again, and about which remark, by which an erasure finds it. Throws `idempotency_mismatch` for a key that was used about another remark. */
export async function mailRights(
  heed: Heed,
  customerId: string,
  asked?: { press: Press; loopId: string },
): Promise<void> {
  await heed.pool.transaction(async (tx) => {
    if (asked) {
      const made = await press(tx, { ...asked.press, content: `${asked.loopId} rights` }, 'customer');
      if (made.first) return;
      await pressed(tx, made.id, asked.loopId, { sentence: onItsWay });
    }
    await lockCustomer(tx, customerId);
    if ((await waysInMailed(tx, customerId)) >= mostInADay) return;
    const now = await momentOf(tx);
    const tenMinutes = now.toISOString().slice(0, '2026-06-01T09:1'.length);
    await planDelivery(tx, {
      key: `rights:${customerId}:${tenMinutes}`,
      purpose: 'rights',
      channel: 'email',
      customerId,
      expiresAt: new Date(now.getTime() + endsAfterMs),
    });
  });
  heed.hint();
}
