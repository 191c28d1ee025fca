import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPool, sql } from '../../src/store/pool.ts';
import { isDatabaseTrouble } from '../../src/store/trouble.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

// Under Jest, Node does not know slonik's errors for errors, and wraps them on their way.
const thrownBy = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => undefined,
    (error: unknown) => (typeof error === 'object' && error !== null && 'context' in error ? error.context : error),
  );

test('what passes by itself is told from what is our fault', async () => {
  const hasty = await openPool(db.url, { statementTimeoutMs: 50 });
  const tooLong = await thrownBy(hasty.query(sql.unsafe`select pg_sleep(2)`));
  const cutOff = await thrownBy(hasty.query(sql.unsafe`select pg_terminate_backend(pg_backend_pid())`));
  await hasty.end();
  expect([tooLong, cutOff].map(isDatabaseTrouble)).toEqual([true, true]);
  expect(isDatabaseTrouble(new Error('wrapped', { cause: tooLong }))).toBe(true);

  // As after a migration, for whoever is connected since before.
  const told = await openPool(db.url, { connections: 1 });
  const reads = () => told.any(sql.unsafe`select * from migrated`);
  const owner = await db.owner();
  await owner.query(sql.unsafe`create view migrated as select 1 as one`);
  await reads();
  await owner.query(sql.unsafe`drop view migrated`);
  await owner.query(sql.unsafe`create view migrated as select 1 as one, 2 as two`);
  expect(isDatabaseTrouble(await thrownBy(reads()))).toBe(true);
  expect(await reads()).toEqual([{ one: 1, two: 2 }]);
  await told.end();

  const wrongSql = await thrownBy(db.pool.query(sql.unsafe`select nonsense`));
  const broken = await thrownBy(
    db.pool.query(sql.unsafe`insert into loops (id, kind, place) values (gen_random_uuid(), 'signal', 'moon')`),
  );
  expect([wrongSql, broken, new Error('ours'), 'a text', undefined].map(isDatabaseTrouble)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});
