import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { DomainError } from '../../src/domain/errors.ts';
import { openPool, sql, type Db, type Pool } from '../../src/store/pool.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  db = await openTestDatabase();
  pool = await openPool(db.url, { connections: 1 });
});
afterAll(async () => {
  await pool.end();
  await db.close();
});

const backend = (on: Db): Promise<number> =>
  on.oneFirst(sql.type(z.object({ pid: z.number() }))`select pg_backend_pid() as pid`);

test('whoever is refused costs no connection, and what they began is undone', async () => {
  const before = await backend(pool);
  const refused = pool.transaction(async (tx) => {
    await tx.query(sql.unsafe`insert into places (code, name) values ('moon', 'Moon')`);
    throw new DomainError('conflict', 'Somebody was faster.');
  });
  await expect(refused).rejects.toThrow('Somebody was faster.');
  expect(await backend(pool)).toBe(before);
  expect(await pool.exists(sql.unsafe`select from places where code = 'moon'`)).toBe(false);
});

test('whatever else goes wrong takes its connection with it: nobody knows what state it is in', async () => {
  const before = await backend(pool);
  await expect(pool.transaction(() => Promise.reject(new Error('out of the blue')))).rejects.toThrow('out of the blue');
  expect(await backend(pool)).not.toBe(before);
});
