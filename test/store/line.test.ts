/** With every connection in use, who is given the next one, and who is given none. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { asker, type Asker } from '../../src/store/line.ts';
import { openPool, sql, type Pool } from '../../src/store/pool.ts';
import { isDatabaseTrouble } from '../../src/store/trouble.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

/** A pool whose one connection is in use until `end`. */
async function allInUse(patienceMs: number) {
  const pool = await openPool(db.workingUrl, { connections: 1, patienceMs });
  const { promise, resolve } = Promise.withResolvers<void>();
  const inUse = pool.transaction(() => promise);
  const end = async (): Promise<void> => {
    resolve();
    await inUse;
  };
  return { pool, end };
}

const hasCome = (): Asker => ({ hungUp: () => false, begun: false });
/** Asks for one statement, which is counted. */
const ask = (pool: Pool, who = hasCome()) =>
  asker.run(who, () => pool.oneFirst(sql.type(z.object({ n: z.number() }))`select nextval('asks') as n`));
/** How many statements that were. */
async function counted(act: () => Promise<void>): Promise<number> {
  const before = await ask(db.pool);
  await act();
  return (await ask(db.pool)) - before - 1;
}

test('whoever waits too long for a connection is told so, has asked nothing, and stands in nobody’s way', async () => {
  const { pool, end } = await allInUse(100);
  const statements = await counted(async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => ask(pool)));
    expect(outcomes.filter((each) => each.status === 'rejected' && isDatabaseTrouble(each.reason))).toHaveLength(50);
    expect(pool.state().waitingClients).toBe(0);
    await end();
  });
  expect(statements).toBe(0);
  await expect(Promise.all(Array.from({ length: 5 }, () => ask(pool)))).resolves.toHaveLength(5);
  await pool.end();
});

test('whoever has hung up while they waited costs no statement, and the others are served in the order in which they came', async () => {
  const { pool, end } = await allInUse(60_000);
  const served: number[] = [];
  const statements = await counted(async () => {
    const asked = Array.from({ length: 40 }, (_, nth) =>
      ask(pool, { ...hasCome(), hungUp: () => nth % 2 === 1 }).then(() => void served.push(nth)),
    );
    expect(pool.state().waitingClients).toBe(40);
    await end();
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status)).toEqual(
      outcomes.map((_, nth) => (nth % 2 === 1 ? 'rejected' : 'fulfilled')),
    );
  });
  expect(statements).toBe(20);
  expect(served).toEqual(Array.from({ length: 20 }, (_, n) => 2 * n));
  await pool.end();
});

test('whoever has begun is not given up, and goes before all who come anew: what they recorded is not denied', async () => {
  const { pool, end } = await allInUse(100);
  const begun: Asker = { hungUp: () => true, begun: true };
  const ends = ask(pool, begun);
  await expect(ask(pool)).rejects.toThrow();
  expect(pool.state().waitingClients).toBe(1);
  await end();
  await expect(ends).resolves.toEqual(expect.any(Number));
  await pool.end();

  const other = await allInUse(60_000);
  const order: string[] = [];
  const anew = [1, 2, 3].map(() => ask(other.pool).then(() => order.push('anew')));
  const again = ask(other.pool, begun).then(() => order.push('begun'));
  await other.end();
  await Promise.all([...anew, again]);
  expect(order).toEqual(['begun', 'anew', 'anew', 'anew']);
  await other.pool.end();
});
