import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sql } from '../../src/store/pool.ts';
import { wakeAllOpen } from '../../src/store/records/wakes.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

test('every open loop is woken, however many: also where Postgres has time for no more than a thousand in one statement', async () => {
  const owner = await db.owner();
  await db.pool.query(sql.unsafe`
    with opened as (
      insert into loops (id, kind, place) select gen_random_uuid(), 'signal', 'high-street' from generate_series(1, 2500) returning id)
    insert into rounds (loop_id, round, cause) select id, 1, 'opened' from opened`);
  const { id } = await db.pool.one(sql.type(z.object({ id: z.string() }))`
    insert into wakes (loop_id, class) select id, 'response' from now.open_loops limit 1 returning loop_id as id`);
  await owner.query(sql.unsafe`
    create function out_of_time() returns trigger language plpgsql as $$
    begin
      if (select count(*) from woken) > 1000 then
        raise 'canceling statement due to statement timeout' using errcode = 'query_canceled';
      end if;
      return null;
    end $$`);
  await owner.query(sql.unsafe`
    create trigger out_of_time after insert on wakes referencing new table as woken for each statement execute function out_of_time()`);

  expect(await wakeAllOpen(db.pool)).toBe(2500);
  const classes = await db.pool.any(sql.type(z.object({ class: z.string(), loops: z.number(), first: z.string() }))`
    select class, count(*)::integer as loops, min(loop_id::text) as first from wakes group by class order by class`);
  // A response that waits is one still.
  expect(classes).toEqual([
    { class: 'response', loops: 1, first: id },
    { class: 'wave', loops: 2499, first: expect.any(String) },
  ]);
});
