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

/** What a list holds, and how much of these tables is read for it once Postgres has counted them. */
async function reading(tables: string[], list: () => ReturnType<typeof signalsPage>) {
  await (await db.owner()).query(sql.unsafe`analyze`);
  const soFar = (): Promise<number> => countedOf(db, sql.fragment`seq_tup_read + idx_scan`, tables);
  const before = await soFar();
  const listed = await list();
  return { listed, read: (await soFar()) - before };
}
/** So many remarks at a place, the newest first. */
async function hears(place: string, by: string, many: number): Promise<string[]> {
  const heard: string[] = [];
  while (heard.length < many) {
    const press = { source: 'test', key: newId() };
    heard.unshift((await capture(db.heed, { words: 'Said here', place, by }, { channel: 'web', press })).id);
  }
  return heard;
}

test('what is open is listed without reading all that was ever closed', async () => {
  const before = 3_000;
  await db.pool.query(sql.unsafe`
    with said as (
      select gen_random_uuid() as id, n, heed_now() - n * interval '1 hour' as at from generate_series(1, ${before}::integer) n),
    l as (insert into loops (id, kind, place, opened_at) select id, 'signal', 'high-street', at from said),
    r as (insert into rounds (loop_id, round, cause, opened_at) select id, 1, 'opened', at from said),
    s as (insert into signals (id, reference, channel, said_at, captured_at) select id, 'OLD-' || n, 'api', at, at from said)
    insert into closures (id, loop_id, round, how, rule, closed_at) select gen_random_uuid(), id, 1, 'silent', 'test', at from said`);
  const open = await hears('high-street', 'mina', 60);
  const { read, listed } = await reading(['signals', 'open_rounds'], () =>
    signalsPage(db.pool, ['high-street'], 100, { open: true }),
  );
  expect(read).toBeLessThan(before);
  expect(listed.map(({ id }) => id)).toEqual(open);
});

test('what was said at a place with little of it is listed without reading all that was said elsewhere since', async () => {
  const here = await hears('harbour', 'omar', 5);
  const elsewhere = 5_000;
  await db.pool.query(sql.unsafe`
    with said as (
      select gen_random_uuid() as id, n, heed_now() + n * interval '1 second' as at from generate_series(1, ${elsewhere}::integer) n),
    l as (insert into loops (id, kind, place, opened_at) select id, 'signal', 'high-street', at from said)
    insert into signals (id, reference, channel, said_at, captured_at) select id, 'NEW-' || n, 'api', at, at from said`);
  const { read, listed } = await reading(['signals', 'loops'], () => signalsPage(db.pool, ['harbour'], 100));
  expect(read).toBeLessThan(elsewhere);
  expect(listed.map(({ id }) => id)).toEqual(here);
});

test('what was said at a place that somebody was given twice is listed once, page by page', async () => {
  const here = await hears('station', 'mina', 3);
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
