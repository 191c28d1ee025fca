/** The thanks at once. Whoever gets it and said nothing can say so with one press. */

import type { Delivery } from '../../store/records/deliveries.ts';
import type { Composed, Composing } from './composing.ts';
import { letterToCustomer, whatBecameOfIt } from './customer.ts';

export function receipt(composing: Composing, delivery: Delivery): Promise<Composed> {
  return letterToCustomer(composing, delivery, async (to) => ({
    parts: [...(await whatBecameOfIt(to)), { small: 'This wasn’t me', url: await to.link('not_me') }],
  }));
}
