/** Something one of us should know, in wording that was fixed when it was planned. */

import { bodyOf, type Delivery } from '../../store/records/deliveries.ts';
import { shade } from './card.ts';
import { toColleague } from './colleague.ts';
import { cancelled, type Composed, type Composing } from './composing.ts';
import { letterToCustomer, whatBecameOfIt } from './customer.ts';
import { readTask } from './task.ts';

export async function notice(composing: Composing, delivery: Delivery): Promise<Composed> {
  if (delivery.customer_id) {
    return letterToCustomer(composing, delivery, async (to) => ({ parts: await whatBecameOfIt(to) }));
  }
  const body = await bodyOf(composing.db, delivery.id);
  if (!body) return cancelled('erased');
  const task = delivery.loop_id ? await readTask(composing, delivery.loop_id, delivery.now) : null;
  return toColleague(composing, delivery, {
    subject: body.subject,
    parts: [{ text: body.body }],
    ...(task && { link: { label: `Open ${task.reference}`, url: task.url } }),
    colour: shade.amber,
  });
}
