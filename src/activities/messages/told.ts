/** What was decided, to one of the people who asked. It asks once: settled? or, after a no: explained clearly? */

import type { Delivery } from '../../store/records/deliveries.ts';
import { decisionBehind } from '../../store/views/messages.ts';
import { cancelled, type Composed, type Composing } from './composing.ts';
import { letterToCustomer, theQuestion } from './customer.ts';

export async function told(composing: Composing, delivery: Delivery): Promise<Composed> {
  const decision = delivery.occasion ? await decisionBehind(composing.db, delivery.occasion) : null;
  if (!decision) return cancelled('erased');
  return letterToCustomer(composing, delivery, async (to) => ({
    parts: await theQuestion(to, decision.outcome === 'declined' ? 'explained' : 'settled'),
    signer: decision.by,
  }));
}
