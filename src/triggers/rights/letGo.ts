/** Nothing is kept longer than the company says: words past their time are erased as a recorded act, letters and dead links are deleted. */

import { lettersKept, reasonKept, wordsKeptMs } from '../../domain/retention.ts';
import {
  beginCleaning,
  deleteEndedLinks,
  deleteLetters,
  isCleaningDue,
  kindsWithWords,
  leftWithoutWords,
  pastTheirTime,
  recordCleaning,
} from '../../store/records/cleanings.ts';
import type { Configuration } from '../../store/records/configurations.ts';
import { erase, type Erasing } from '../../store/records/erasures.ts';
import type { Pool } from '../../store/pool.ts';
import type { Scrubbed } from '../../store/scrub.ts';

export interface LetGo extends Scrubbed {
  remarks: number;
  letters: number;
  links: number;
}

/** So that no transaction holds many loops for long. */
const atOnce = 50;

/** Once a day, after every erasure, and again while somebody was using a table; null when it is not due. `scrub` takes from the disk what was
 *  deleted, and returns what it could not. */
export async function letGo(
  { pool, configuration }: { pool: Pool; configuration: () => Promise<Configuration> },
  scrub: () => Promise<Scrubbed>,
): Promise<LetGo | null> {
  if (!(await isCleaningDue(pool))) return null;
  const { company } = await configuration();
  let remarks = 0;
  for (const kind of await kindsWithWords(pool)) {
    const keptMs = wordsKeptMs(company, kind);
    if (keptMs === undefined) continue;
    const erasing: Erasing = {
      cause: 'retention',
      by: 'retention',
      reason: reasonKept(company, kind),
      company,
    };
    for (;;) {
      const past = await pool.transaction(async (tx) => {
        const found = await pastTheirTime(tx, kind, keptMs, atOnce);
        if (found.length === 0) return 0;
        await erase(tx, { customerId: null, signalIds: found.map(({ id }) => id) }, erasing);
        const customers = found.flatMap(({ customer_id }) => customer_id ?? []);
        for (const customerId of await leftWithoutWords(tx, [...new Set(customers)]))
          await erase(tx, { customerId, signalIds: [] }, erasing);
        return found.length;
      });
      remarks += past;
      if (past < atOnce) break;
    }
  }
  const { letters, links } = await pool.transaction(async (tx) => ({
    letters: await deleteLetters(tx, lettersKept(company)),
    links: await deleteEndedLinks(tx),
  }));
  const { at, erased } = await pool.transaction(beginCleaning);
  const scrubbed = erased || letters > 0 ? await scrub() : { swept: [], inUse: [] };
  const gone = { remarks, letters, links, ...scrubbed };
  await recordCleaning(pool, at, gone);
  return gone;
}
