/** A Postgres that can't do what it is asked just now: whoever asked is told so, nothing is half-done, and it is done once it can be. */

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { createStages } from '../../src/activities/createActivities.ts';
import { longestInLineMs } from '../../src/store/line.ts';
import { openPool, sql, type Pool } from '../../src/store/pool.ts';
import { keepApiKey } from '../../src/store/records/apiKeys.ts';
import { openConfigurations } from '../../src/store/records/configurations.ts';
import { isDatabaseTrouble } from '../../src/store/trouble.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { capture } from '../../src/triggers/capture.ts';
import { openHeed } from '../../src/triggers/heed.ts';
import { createApp } from '../../src/triggers/http/app.ts';
import { handsOf, openTestDatabase, type TestDatabase } from '../support/database.ts';
import { webOf } from '../triggers/http/contract.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const remark = { words: 'Is it wool?', place: 'high-street' };

/** The API on a pool of its own, as a client meets it that asks again under the same key; and what was our fault. */
async function openDoor() {
  const pool = await openPool(db.workingUrl, { connections: 2, patienceMs: longestInLineMs });
  const key = `test-${randomUUID()}`;
  await keepApiKey(pool, key, { name: 'test', scopes: ['*'], by: 'ops' });
  const ours: unknown[] = [];
  const app = createApp(
    { ...webOf(db), heed: openHeed(pool, openConfigurations(pool)) },
    { rateLimiting: false, report: (error) => ours.push(error) },
  );
  const says = async (press: string, said: object = remark) => {
    const response = await app.request('/v1/signals', {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', 'Idempotency-Key': press },
      body: JSON.stringify(said),
    });
    const { detail } = (await response.json()) as { detail?: string };
    return { status: response.status, comeAgain: response.headers.get('Retry-After'), detail };
  };
  return { says, ours, close: () => pool.end() };
}
const taken = { status: 202, comeAgain: null, detail: undefined };
const notJustNow = { status: 503, comeAgain: '5', detail: expect.stringContaining('Nothing was lost') };

/** How many rows there are of each kind that a capture leaves. */
const kept = () =>
  db.pool.one(sql.type(z.record(z.string(), z.number()))`
    select (select count(*)::integer from presses) as presses, (select count(*)::integer from loops) as loops,
      (select count(*)::integer from signals) as signals, (select count(*)::integer from words) as words,
      (select count(*)::integer from ownerships) as ownerships, (select count(*)::integer from wakes) as wakes`);
const more = (before: Record<string, number>, by: number) =>
  Object.fromEntries(Object.entries(before).map(([kind, count]) => [kind, count + by]));

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

/** Of the connections that this database may have one is left, and that is its owner's, whom no limit binds. */
async function noConnectionIsLeft(owner: Pool): Promise<void> {
  await owner.query(sql.unsafe`alter database ${nameOf()} connection limit 1`);
  await owner.query(sql.unsafe`
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`);
}
const thereIsRoom = (owner: Pool) => owner.query(sql.unsafe`alter database ${nameOf()} connection limit -1`);
afterEach(async () => void (await thereIsRoom(await db.owner())));
const nameOf = () => sql.identifier([new URL(db.url).pathname.slice(1)]);

test('with no connection left a capture is refused with when to come again, and taken under its key once there is room', async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on('unhandledRejection', note);
  const owner = await db.owner();
  const door = await openDoor();
  const before = await kept();
  const presses = Array.from({ length: 20 }, () => randomUUID());

  await noConnectionIsLeft(owner);
  expect(await thrownBy(openPool(db.workingUrl))).toMatchObject({ cause: { code: '53300' } });
  // Ten times as many as the web has connections: nobody is left waiting for one.
  expect(await Promise.all(presses.map((press) => door.says(press)))).toEqual(presses.map(() => notJustNow));

  await thereIsRoom(owner);
  expect(await kept()).toEqual(before);
  expect(await Promise.all(presses.map((press) => door.says(press)))).toEqual(presses.map(() => taken));
  expect(await kept()).toEqual(more(before, presses.length));
  await door.close();
  process.off('unhandledRejection', note);
  expect([...door.ours, ...uncaught]).toEqual([]);
});

test('with no connection left a stage of a story fails as what is tried again, and is done once there is room', async () => {
  const owner = await db.owner();
  const { id } = await capture(db.heed, remark, { channel: 'api', press: { source: 'test', key: randomUUID() } });
  const { triage } = createStages(handsOf(db));

  await noConnectionIsLeft(owner);
  await expect(triage(id)).rejects.toMatchObject({ type: 'heed', nonRetryable: false });

  await thereIsRoom(owner);
  expect((await signalNow(db.pool, id))?.triaged_at).toBeNull();
  const verdict = await triage(id);
  expect(await signalNow(db.pool, id)).toMatchObject({ triage_verdict: verdict, triaged_at: expect.any(Date) });
});

test('a capture that Postgres makes begin anew is there once; one that never comes to an end is refused with when to come again', async () => {
  const owner = await db.owner();
  await owner.query(sql.unsafe`create sequence tries`);
  await owner.query(sql.unsafe`grant usage on sequence tries to public`);
  // What a sequence has counted is not undone with the rest.
  await owner.query(sql.unsafe`
    create function begin_anew() returns trigger language plpgsql as $$ begin
      if nextval('tries') <= tg_argv[0]::integer then raise exception 'begin anew' using errcode = tg_argv[1]; end if;
      return new; end $$`);
  const begunAnew = async (times: string, sqlstate: string): Promise<void> => {
    await owner.query(sql.unsafe`alter sequence tries restart`);
    await owner.query(sql.unsafe`
      create or replace trigger begin_anew before insert on words for each row
      execute function begin_anew(${sql.literalValue(times)}, ${sql.literalValue(sqlstate)})`);
  };
  const door = await openDoor();
  // A remark of nobody's is kept by one statement, one of somebody's by a transaction.
  for (const said of [remark, { ...remark, customer: { email: 'kim@example.com' } }]) {
    for (const sqlstate of ['40001', '40P01']) {
      const before = await kept();
      await begunAnew('3', sqlstate);
      expect({ sqlstate, ...(await door.says(randomUUID(), said)) }).toEqual({ sqlstate, ...taken });
      expect(await owner.oneFirst(sql.unsafe`select last_value from tries`)).toBe(4);
      expect(await kept()).toEqual(more(before, 1));

      await begunAnew('1000', sqlstate);
      expect({ sqlstate, ...(await door.says(randomUUID(), said)) }).toEqual({ sqlstate, ...notJustNow });
      expect(await kept()).toEqual(more(before, 1));
    }
  }
  await owner.query(sql.unsafe`drop trigger begin_anew on words`);
  await door.close();
  expect(door.ours).toEqual([]);
});
