/** Nothing is kept longer than the company says: words past their time are erased as a recorded act, letters and dead links are deleted. */

import type { Company } from '../../domain/company.ts';
import { allWordsKept, lettersKept, reasonKept } from '../../domain/retention.ts';
import { holdTheChain } from '../../store/records/chain.ts';
import {
  allPastTheirTime,
  beginCleaning,
  deleteEndedLinks,
  deleteLetters,
  isCleaningDue,
  leftWithoutWords,
  pastTheirTime,
  recordCleaning,
  type Past,
} from '../../store/records/cleanings.ts';
import type { Configuration } from '../../store/records/configurations.ts';
import { erase, lockAddresses, lockLoopsOf, type Erasing } from '../../store/records/erasures.ts';
import type { Db, Pool, Tx } from '../../store/pool.ts';
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
  const kept = allWordsKept(company);
  let remarks = 0;
  for await (const past of allPastTheirTime(pool, kept))
    for (const [reason, alike] of Map.groupBy(past, ({ kind }) => reasonKept(company, kind))) {
      const erasing: Erasing = { cause: 'retention', by: 'retention', reason, company };
      for (let from = 0; from < alike.length; from += atOnce) {
        const found = alike.slice(from, from + atOnce);
        remarks += await pool.transaction(async (tx) => {
          await lockAll(tx, found);
          const still = await pastTheirTime(tx, kept, idsOf(found));
          if (still.length === 0) return 0;
          await erase(tx, { customerId: null, signalIds: idsOf(still) }, erasing);
          for (const customerId of await leftWithoutWords(tx, customersOf(still)))
            await erase(tx, { customerId, signalIds: [] }, erasing);
          return still.length;
        });
      }
    }
  const letters = await deleteLetters(pool, lettersKept(company));
  const links = await deleteEndedLinks(pool);
  const { at, erased } = await pool.transaction(beginCleaning);
  const scrubbed = erased || letters > 0 ? await scrub() : { swept: [], inUse: [] };
  const gone = { remarks, letters, links, ...scrubbed };
  await recordCleaning(pool, at, gone);
  return gone;
}

/** Of how many remarks the words are past their time by this file: they are let go when it is next looked. */
export async function remarksPastTheirTime(db: Db, company: Company): Promise<number> {
  let remarks = 0;
  for await (const past of allPastTheirTime(db, allWordsKept(company))) remarks += past.length;
  return remarks;
}

/** As an erasure: the chain, the addresses, the loops. Whoever comes back, or says that it is not settled, has said so before it is looked again
 *  what is past its time, or says so after all of it is gone. */
async function lockAll(tx: Tx, found: readonly Past[]): Promise<void> {
  await holdTheChain(tx);
  await lockAddresses(tx, customersOf(found));
  await lockLoopsOf(tx, idsOf(found));
}

const idsOf = (found: readonly Past[]): string[] => found.map(({ id }) => id);
const customersOf = (found: readonly Past[]): string[] => [
  ...new Set(found.flatMap(({ customer_id }) => customer_id ?? [])),
];
