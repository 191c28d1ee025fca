import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sql, type Pool, type Tx } from '../../src/store/pool.ts';
import {
  leaseWakes,
  moreWakesThan,
  wake,
  wakeAllOpen,
  wakeCarried,
  wakePostponed,
  type WakeClass,
} from '../../src/store/records/wakes.ts';
import { openTestDatabase, undone, type TestDatabase } from '../support/database.ts';
import { meanwhile } from '../support/meanwhile.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const IdRow = z.object({ id: z.string() });
const opened = (tx: Tx, many = 1): Promise<readonly string[]> =>
  tx.anyFirst(sql.type(IdRow)`
    with opened as (
      insert into loops (id, kind, place) select gen_random_uuid(), 'signal', 'high-street' from generate_series(1, ${many}) returning id),
    begun as (insert into rounds (loop_id, round, cause) select id, 1, 'opened' from opened),
    said as (insert into signals (id, reference, channel, said_at) select id, 'HD-' || id, 'web', heed_now() from opened)
    select id from opened`);

const Waiting = z.object({
  class: z.string(),
  asked: z.number(),
  anew: z.boolean(),
  attempts: z.number(),
  dueIn: z.number(),
  leasedFor: z.number().nullable(),
});
/** Seconds from now, whole ones. */
const waiting = (tx: Tx, id: string): Promise<z.infer<typeof Waiting> | null> =>
  tx.maybeOne(sql.type(Waiting)`
    select class, asked, anew, attempts, round(extract(epoch from not_before - heed_now()))::integer as "dueIn",
      round(extract(epoch from leased_until - clock_timestamp()))::integer as "leasedFor"
    from wakes where loop_id = ${id}`);

describe('a loop that is asked for', () => {
  test('again while it is on its way or was put off is due at once, as the most urgent that it was asked for, and stays', async () => {
    await undone(db, async (tx) => {
      const [id = '', other = ''] = await opened(tx, 2);
      await wake(tx, id, 'start');
      const [taken] = await leaseWakes(tx, 'start', 10);
      await tx.query(sql.unsafe`update wakes set not_before = heed_now() + interval '1 hour'`);
      await wake(tx, id, 'response');
      const now = (await waiting(tx, id))!;
      expect(now).toMatchObject({ class: 'response', dueIn: 0, leasedFor: null });
      expect(now.asked).toBeGreaterThan(taken!.asked);
      expect(await waiting(tx, other)).toBeNull();
      // What came of the first does nothing to the second.
      await wakePostponed(tx, id, taken!.asked, 60_000);
      await wakeCarried(tx, id, taken!.asked);
      expect(await waiting(tx, id)).toEqual(now);
    });
  });

  test('less urgently than before keeps its urgency and its place in the line', async () => {
    await undone(db, async (tx) => {
      const [id = ''] = await opened(tx);
      await wake(tx, id, 'response');
      await tx.query(sql.unsafe`update wakes set not_before = heed_now() - interval '1 minute'`);
      await wake(tx, id, 'wave');
      expect(await waiting(tx, id)).toMatchObject({ class: 'response', dueIn: -60 });
    });
  });

  test('when all of them are is carried again, and begins anew if any of those who ask want that', async () => {
    await undone(db, async (tx) => {
      const [id = ''] = await opened(tx);
      await wake(tx, id, 'start');
      const [taken] = await leaseWakes(tx, 'start', 10);
      expect(await wakeAllOpen(tx, { anew: true })).toBe(1);
      await wakeCarried(tx, id, taken!.asked);
      expect(await waiting(tx, id)).toMatchObject({ class: 'start', anew: true, leasedFor: null });
      await wakeAllOpen(tx);
      expect(await waiting(tx, id)).toMatchObject({ anew: true });
      await tx.query(sql.unsafe`delete from wakes`);
      await wakeAllOpen(tx);
      expect(await waiting(tx, id)).toMatchObject({ class: 'wave', anew: false });
    });
  });
});

describe('the relay', () => {
  test('takes what is due of a class, the longest due first, for half a minute, and leaves the rest', async () => {
    await undone(db, async (tx) => {
      const [first, second, third, later, other, taken, lost] = (await opened(tx, 7)) as [string, ...string[]];
      const put = (id: string | undefined, as: WakeClass, dueIn: number, leasedFor: number | null = null) =>
        tx.query(sql.unsafe`
          insert into wakes (loop_id, class, not_before, leased_until)
          values (${id!}, ${as}, heed_now() + make_interval(secs => ${dueIn}), clock_timestamp() + make_interval(secs => ${leasedFor}))`);
      await put(third, 'start', 0);
      await put(first, 'start', -60);
      await put(second, 'start', -30);
      await put(lost, 'start', -45, -1);
      await put(later, 'start', 1);
      await put(other, 'wave', -90);
      await put(taken, 'start', -90, 20);
      const lease = async (most: number) => (await leaseWakes(tx, 'start', most)).map(({ loop_id: id }) => id);
      expect(await moreWakesThan(tx, 'start', 4)).toBe(true);
      expect(await moreWakesThan(tx, 'start', 5)).toBe(false);
      expect(new Set(await lease(2))).toEqual(new Set([first, lost]));
      expect(new Set(await lease(10))).toEqual(new Set([second, third]));
      expect(await lease(10)).toEqual([]);
      expect(await waiting(tx, first)).toMatchObject({ attempts: 1, leasedFor: 30 });
    });
  });

  test('carries what it could not carry once its time has come, and nothing that was carried', async () => {
    await undone(db, async (tx) => {
      const [id = '', other = ''] = await opened(tx, 2);
      await wake(tx, id, 'response');
      await wake(tx, other, 'response');
      const { asked } = (await leaseWakes(tx, 'response', 10)).find(({ loop_id: loop }) => loop === id)!;
      await wakePostponed(tx, id, asked, 8_000);
      expect(await waiting(tx, id)).toMatchObject({ dueIn: 8, leasedFor: null });
      expect(await leaseWakes(tx, 'response', 10)).toEqual([]);
      await wakeCarried(tx, id, asked);
      expect(await waiting(tx, id)).toBeNull();
      expect(await waiting(tx, other)).toMatchObject({ dueIn: 0, leasedFor: 30 });
    });
  });
});

test('every open loop is woken, however many: also where Postgres has time for no more than a thousand in one statement', async () => {
  const owner = await db.owner();
  await db.pool.transaction((tx) => opened(tx, 2500));
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

test('two relays share them at the same moment: neither waits for the other, and none is taken by both', async () => {
  const taken = new Set<string>();
  const served: string[] = [];
  const by = async (who: string, pool: Pool) => {
    for (const { loop_id: id } of await pool.transaction((tx) => leaseWakes(tx, 'wave', 2))) taken.add(id);
    served.push(who);
  };
  await meanwhile(
    db,
    ({ pool }) => by('first', pool),
    () => by('second', db.pool),
  );
  expect(taken.size).toBe(4);
  expect(served).toEqual(['second', 'first']);
});
