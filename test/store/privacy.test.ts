/** docs/privacy.md says of every column what it holds and what erasing does: a column that is not placed there would be forgotten by an erasure. */

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sql } from '../../src/store/pool.ts';
import { emptied } from '../../src/store/scrub.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const columns = () =>
  db.pool.any(sql.type(z.object({ table: z.string(), column: z.string() }))`
    select table_name as table, column_name as column from information_schema.columns
    where table_schema = 'public' and table_name not in ('migrations', 'test_clock')
      and data_type in ('text', 'json', 'jsonb', 'bytea', 'ARRAY')
    order by 1, 2`);

test('every column that can hold text is placed', async () => {
  const page = await readFile(new URL('../../docs/privacy.md', import.meta.url), 'utf8');
  const placed = new Map<string, string[]>();
  for (const [, table, listed] of page.matchAll(/^\| `(\w+)`\s*\| ([^|]*)\|/gm))
    placed.set(
      table!,
      [...listed!.matchAll(/`(\w+)`/g)].map(([, column]) => column!),
    );
  const missing = (await columns()).filter(({ table, column }) => !placed.get(table)?.includes(column));
  expect(missing).toEqual([]);
});

test('every table that an erasure empties is written anew afterwards, and so are the salts that go with it', async () => {
  const page = await readFile(new URL('../../docs/privacy.md', import.meta.url), 'utf8');
  const [, section = ''] = page.split('### Words and names: erased\n');
  const rows = [...section.split('\n### ')[0]!.matchAll(/^\| `(\w+)`.*\| ([^|]*)\|$/gm)];
  const placed = rows.flatMap(([, table, erasing]) => (erasing!.startsWith('stays') ? [] : [table!]));
  expect(placed).toContain('words');
  expect(emptied.toSorted()).toEqual([...placed, 'salts'].sort());
});

test('every fact has a form, and none of its columns is left out but for slots that end and when a key was last used', async () => {
  const leftOut = await db.pool.any(sql.type(z.object({ column: z.string() }))`
    select c.table_name || '.' || c.column_name as column
    from information_schema.columns c
    join fact_forms f on f.fact = c.table_name and f.form = (select max(form) from fact_forms x where x.fact = f.fact)
    where c.table_schema = 'public' and not c.column_name = any(f.kept || f.sealed) and c.table_name <> 'deliveries'
    order by 1`);
  expect(leftOut).toEqual([
    { column: 'api_keys.last_used_at' },
    { column: 'bindings.freed_at' },
    { column: 'ownerships.ended_at' },
  ]);

  // Lists of work, doors, what is looked up: whatever else there is, is no fact, for a reason.
  const noFacts = {
    customers: 'a name may be completed',
    staff: 'as the company file says',
    places: 'as the company file says',
    sessions: 'a door',
    links: 'doors',
    askings: 'who asked for a door, forgotten after an hour',
    wakes: 'a list of work',
    unchained: 'a list of work',
    collectors: 'a note of the relay',
    engines: 'a note of the relay',
    open_insights: 'a slot that ends',
    open_rounds: 'a slot that ends',
    open_round_staff: 'a list of whom it has to do with',
    delivery_bodies: 'kept for a month',
    slack_cards: 'where a message is',
    cleanings: 'a note of the relay',
    refusals: 'codes, deleted after a while',
    chain: 'the chain itself',
    salts: 'the chain itself',
    fact_forms: 'the chain itself',
  };
  const others = await db.pool.anyFirst(sql.type(z.object({ name: z.string() }))`
    select tablename as name from pg_tables
    where schemaname = 'public' and tablename not in ('migrations', 'test_clock') and tablename not in (select fact from fact_forms)
    order by 1`);
  expect(others).toEqual(Object.keys(noFacts).sort());
});
