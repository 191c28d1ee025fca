/** Two at the same moment, told apart: the first has done all it does and not committed it when the second comes. */

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { sql, type Pool } from '../../src/store/pool.ts';
import type { Heed } from '../../src/triggers/heed.ts';
import type { TestDatabase } from './database.ts';

/** Commits the first once the second waits for it, or is done without: what came of both. */
export async function meanwhile(
  { pool, heed }: TestDatabase,
  first: (heed: Heed) => Promise<unknown>,
  second: () => Promise<unknown>,
): Promise<PromiseSettledResult<unknown>[]> {
  const done = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const held = Promise.allSettled([first({ ...heed, pool: commitsAfter(pool, done.resolve, gate.promise) })]);
  await Promise.race([done.promise, held]);
  let over = false;
  const other = Promise.allSettled([second()]).finally(() => (over = true));
  while (!over && (await waiting(pool)) === 0) await sleep(5);
  gate.resolve();
  return [...(await held), ...(await other)];
}

const commitsAfter = (pool: Pool, done: () => void, gate: Promise<void>): Pool =>
  new Proxy(pool, {
    get: (target, name: keyof Pool) =>
      name !== 'transaction'
        ? target[name]
        : (record: Parameters<Pool['transaction']>[0]) =>
            target.transaction(async (tx) => {
              const recorded = await record(tx);
              done();
              await gate;
              return recorded;
            }),
  });

/** How many wait for a lock in this database. */
export const waiting = (pool: Pool): Promise<number> =>
  pool.oneFirst(sql.type(z.object({ n: z.number() }))`
    select count(*)::integer as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
