/** What every trigger is handed: the database, the company as it is now, a hint to the relay after a commit, and a tally of who is
 *  turned away. */

import type { Configuration } from '../store/records/configurations.ts';
import { tallyRefusals, type Tally } from '../store/records/refusals.ts';
import { sql, type Pool } from '../store/pool.ts';

export interface Heed {
  pool: Pool;
  configuration: () => Promise<Configuration>;
  /** "There is something to carry", after a commit. Only a hint: the relay sweeps anyway. */
  hint: () => void;
  turnedAway: Tally;
}

/** A committing NOTIFY holds one lock for all of Postgres, so it stands outside the transaction and is sent at most every 20 ms. */
export function openHeed(pool: Pool, configuration: Heed['configuration']): Heed {
  let waiting = false;
  const hint = (): void => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      pool.query(sql.unsafe`select pg_notify('heed_due', '')`).catch(() => {});
    }, 20).unref();
  };
  return { pool, configuration, hint, turnedAway: tallyRefusals(pool) };
}
