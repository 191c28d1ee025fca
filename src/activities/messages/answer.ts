/** A person's answer to a customer, in the words they approved. When it is the last message of its round, it asks whether it is settled. */

import type { Delivery } from '../../store/records/deliveries.ts';
import { signerOf } from '../../store/views/messages.ts';
import { signalNow } from '../../store/views/signals.ts';
import { cancelled, type Composed, type Composing } from './composing.ts';
import { letterToCustomer, theQuestion, whatBecameOfIt } from './customer.ts';

export async function answer(composing: Composing, delivery: Delivery): Promise<Composed> {
  const { db } = composing;
  const signal = delivery.loop_id ? await signalNow(db, delivery.loop_id) : null;
  if (!signal) return cancelled('erased');
  // On the third course the decision comes later, and asks.
  const isLast = (delivery.round ?? 1) > 1 || signal.course !== 'decide';
  return letterToCustomer(composing, delivery, async (to) => ({
    parts: isLast ? await theQuestion(to, 'settled') : await whatBecameOfIt(to),
    signer: (delivery.occasion && (await signerOf(db, delivery.occasion))) || signal.owner,
  }));
}
