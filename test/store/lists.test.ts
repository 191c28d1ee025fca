import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId } from '../../src/domain/ids.ts';
import { sql } from '../../src/store/pool.ts';
import { signalsPage, type After } from '../../src/store/views/lists.ts';
import { capture } from '../../src/triggers/capture.ts';
import { countedOf, openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  // One connection, so that all it has read is told at once.
  db = await openTestDatabase({ connections: 1 });
});
afterAll(() => db.close());

test('what is open is listed without reading all that was ever closed', async () => {
  const before = 3_000;
  await db.pool.query(sql.unsafe`
    with said as (
      select gen_random_uuid() as id, n, heed_now() - n * interval '1 hour' as at from generate_series(1, ${before}::integer) n),
    l as (insert into loops (id, kind, place, opened_at) select id, 'signal', 'high-street', at from said),
    r as (insert into rounds (loop_id, round, cause, opened_at) select id, 1, 'opened', at from said),
    s as (insert into signals (id, reference, channel, said_at, captured_at) select id, 'OLD-' || n, 'api', at, at from said)
    insert into closures (id, loop_id, round, how, rule, closed_at) select gen_random_uuid(), id, 1, 'silent', 'test', at from said`);
  const said = { words: 'Still open', place: 'high-street', by: 'mina' };
  const open: string[] = [];
  while (open.length < 60) {
    const { id } = await capture(db.heed, said, { channel: 'web', press: { source: 'test', key: newId() } });
    open.unshift(id);
  }
  await (await db.owner()).query(sql.unsafe`analyze`);
  const read = (): Promise<number> => countedOf(db, sql.fragment`seq_tup_read + idx_scan`, ['signals', 'open_rounds']);

  const readBefore = await read();
  const listed = await signalsPage(db.pool, ['high-street'], 100, { open: true });
  expect((await read()) - readBefore).toBeLessThan(before);
  expect(listed.map(({ id }) => id)).toEqual(open);
});

test('what was said at a place with little of it is listed without reading all that was said elsewhere since', async () => {
  const said = { words: 'Said here', place: 'harbour', by: 'omar' };
  const here: string[] = [];
  while (here.length < 5)
    here.unshift((await capture(db.heed, said, { channel: 'web', press: { source: 'test', key: newId() } })).id);
  const elsewhere = 5_000;
  await db.pool.query(sql.unsafe`
    with said as (
      select gen_random_uuid() as id, n, heed_now() + n * interval '1 second' as at from generate_series(1, ${elsewhere}::integer) n),
    l as (insert into loops (id, kind, place, opened_at) select id, 'signal', 'high-street', at from said)
    insert into signals (id, reference, channel, said_at, captured_at) select id, 'NEW-' || n, 'api', at, at from said`);
  await (await db.owner()).query(sql.unsafe`analyze`);
  const read = (): Promise<number> => countedOf(db, sql.fragment`seq_tup_read + idx_scan`, ['signals', 'loops']);

  const readBefore = await read();
  const listed = await signalsPage(db.pool, ['harbour'], 100);
  expect((await read()) - readBefore).toBeLessThan(elsewhere);
  expect(listed.map(({ id }) => id)).toEqual(here);
});

test('what was said at a place that somebody was given twice is listed once, page by page', async () => {
  const said = { words: 'Said here', place: 'station', by: 'mina' };
  const here: string[] = [];
  while (here.length < 3)
    here.unshift((await capture(db.heed, said, { channel: 'web', press: { source: 'test', key: newId() } })).id);
  const read: string[] = [];
  for (let after: After | undefined; ;) {
    const page = await signalsPage(db.pool, ['station', 'station'], 2, { after });
    const last = page.at(-1);
    if (!last) break;
    read.push(...page.map(({ id }) => id));
    after = [last.position, last.id];
  }
  expect(read).toEqual(here);
});
