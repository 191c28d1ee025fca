/** "Stop": nothing more is written to them, at any address, nor are they called. Recorded as the button in their letters is, which ends letters alone. */

import type { Heed } from '../heed.ts';
import { stopReaching } from '../responses/stop.ts';
import type { By } from './subject.ts';

/** Doing it twice does no harm, and is recorded twice. */
export function object(heed: Heed, customerId: string, by: By): Promise<void> {
  return stopReaching(heed, customerId, ['email', 'phone'], by);
}
