/** "What do you hold about me?": all of it, as one document that programs can read, too. That it was given is recorded. */

import { recordRight } from '../../store/records/rights.ts';
import { everythingHeld, type Held } from '../../store/views/held.ts';
import type { Heed } from '../heed.ts';
import type { By } from './subject.ts';

export async function access(heed: Heed, customerId: string, { by, reason }: By): Promise<Held> {
  const { company } = await heed.configuration();
  return heed.pool.transaction(async (tx) => {
    await recordRight(tx, { customerId, kind: 'access', by, reason });
    return everythingHeld(tx, company, customerId);
  });
}
