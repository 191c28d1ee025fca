/** What an upgrade may rely on: what was released stays as it is, migrating is repeatable, and views are what the code reads. */

import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import type { z } from 'zod';
import { migrate, migrateTo, mustBeWhole } from '../../src/store/migrate.ts';
import { openPool } from '../../src/store/pool.ts';
import { apiKey, apiKeys } from '../../src/store/records/apiKeys.ts';
import { InsightNow } from '../../src/store/views/insights.ts';
import { SignalNow } from '../../src/store/views/signals.ts';

const sqlFolder = new URL('../../sql/', import.meta.url);
const migrations = (await readdir(new URL('migrations/', sqlFolder))).sort();
const names = migrations.map((name) => name.replace('.sql', ''));
const views = (await readdir(new URL('views/', sqlFolder))).sort();

describe('migrations', () => {
  test('that were released are never changed: sql/released.sha256', async () => {
    const list = (await readFile(new URL('released.sha256', sqlFolder), 'utf8')).trim().split('\n');
    for (const line of list) {
      const [sum, name] = line.split('  ');
      const file = await readFile(new URL(name!, sqlFolder)).catch(() => 'gone');
      expect(`${createHash('sha256').update(file).digest('hex')}  ${name}`).toBe(`${sum}  ${name}`);
    }
    // What is new comes after what is out: a database that has the later one would never get it.
    const released = list.map((line) => line.split('/').at(-1));
    expect(migrations.slice(0, released.length)).toEqual(released);
  });

  test('are numbered without a gap, and say first why they exist', async () => {
    expect(migrations.map((name) => Number.parseInt(name, 10))).toEqual(migrations.map((_, at) => at + 1));
    for (const name of migrations) {
      expect(name).toMatch(/^\d{4}_[a-z_]+\.sql$/);
      expect(await readFile(new URL(`migrations/${name}`, sqlFolder), 'utf8')).toMatch(/^-- \S/);
    }
  });
});

describe('migrating', () => {
  let database: { url: string; drop(): Promise<void> };
  beforeAll(async () => {
    database = await emptyDatabase();
  });
  afterAll(() => database.drop());

  test('several processes at once all succeed, and each migration runs once', async () => {
    const ran = await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)]);
    expect(ran.flat().sort()).toEqual(names);
  });

  test('takes as long as it takes, also where whoever owns the server lets no statement of others take long', async () => {
    const hurried = await emptyDatabase();
    await query(hurried.url, `alter database ${hurried.url.split('/').at(-1)!} set statement_timeout = '5ms'`);
    expect(await migrate(hurried.url)).toEqual(names);
    await hurried.drop();
  });

  test('is one transaction with making the views, so that nobody sees the one without the other', async () => {
    const made = `select xmin::text from migrations union select xmin::text from pg_namespace where nspname = 'now'`;
    expect(await query(database.url, made)).toHaveLength(1);
  });

  test('where nobody answers is refused in a sentence, without the password', async () => {
    const refused = migrate('postgres://heed:secret@127.0.0.1:1/heed');
    await expect(refused).rejects.toThrow(/^Postgres at 127\.0\.0\.1:1 can't be used\. .* correct DATABASE_URL\.$/);
  });

  test('again does nothing to what is there', async () => {
    await query(database.url, `insert into places (code, name) values ('high-street', 'High Street')`);
    expect(await migrate(database.url)).toEqual([]);
    expect(await query(database.url, `select code from places`)).toEqual([{ code: 'high-street' }]);
  });

  test('touches nothing while nothing has changed, so that a running Heed never misses its views', async () => {
    const before = await query(database.url, `select oid from pg_class where relname = 'signals' and relkind = 'v'`);
    await migrate(database.url);
    expect(await query(database.url, `select oid from pg_class where relname = 'signals' and relkind = 'v'`)).toEqual(
      before,
    );
  });

  test('makes the views anew for another version, so that none is left of the earlier one', async () => {
    await query(database.url, `comment on schema now is 'an earlier version'`);
    await query(database.url, `create view now.left_over as select 1 as one`);
    await query(database.url, `drop view now.dues`);
    await migrate(database.url);
    const found = await query(
      database.url,
      `select table_name as name from information_schema.views where table_schema = 'now' order by 1`,
    );
    const created = await Promise.all(views.map((name) => readFile(new URL(`views/${name}`, sqlFolder), 'utf8')));
    const wanted = created.flatMap((text) =>
      [...text.matchAll(/^create view now\.(\w+)/gm)].map(([, name]) => ({ name })),
    );
    expect(found).toEqual(wanted.sort((a, b) => (a.name! < b.name! ? -1 : 1)));
  });

  test('that fails leaves a running Heed its views', async () => {
    await query(database.url, `comment on schema now is 'an earlier version'`);
    // The table that one of them makes is in its way.
    const anew = names.slice(names.indexOf('0020_orders'));
    await query(database.url, `delete from migrations where name >= '${anew[0]}'`);
    await expect(migrate(database.url)).rejects.toThrow(/already exists/);
    expect(await query(database.url, 'select from now.signals')).toEqual([]);
    for (const name of anew)
      await query(database.url, `insert into migrations (name, run_on) values ('${name}', now())`);
  });

  test('by an earlier Heed is refused in a sentence, and the later one keeps its views', async () => {
    await query(database.url, `comment on schema now is 'a later version'`);
    await query(database.url, `insert into migrations (name, run_on) values ('9999_of_tomorrow', now())`);
    const seen = `select oid from pg_class where relnamespace = 'now'::regnamespace order by 1`;
    const before = await query(database.url, seen);
    await expect(migrate(database.url)).rejects.toThrow(/is of a later Heed, .* 9999_of_tomorrow\. Start that version/);
    expect(await query(database.url, seen)).toEqual(before);
    // Nor does a web, worker or relay of it begin to work there, which migrates nothing.
    const pool = await openPool(database.url);
    await expect(mustBeWhole(pool)).rejects.toThrow(/is of a later Heed, .* 9999_of_tomorrow\. Start that version/);
    await query(database.url, `delete from migrations where name = '9999_of_tomorrow'`);
    await mustBeWhole(pool);
    await pool.end();
  });

  test('keeps of the keys of the API which were revoked, and has them all become links of the chain', async () => {
    const before = await emptyDatabase();
    const client = new pg.Client({ connectionString: before.url });
    await client.connect();
    await migrateTo(client, names.indexOf('0041_keys_made_and_revoked'));
    await client.query(`
      insert into api_keys (id, name, key_hash, scopes, created_at, revoked_at)
      select gen_random_uuid(), name, sha256(convert_to(name, 'UTF8')), '{read}', created_at, revoked_at
      from (values
        ('kept', '2026-01-01'::timestamptz, null), ('lost', '2026-01-02', '2026-02-03T04:05:06Z'::timestamptz)
      ) as k (name, created_at, revoked_at)`);
    await client.end();
    await migrate(before.url);
    const pool = await openPool(before.url);
    expect((await apiKey(pool, 'kept'))?.name).toBe('kept');
    expect(await apiKey(pool, 'lost')).toBeNull();
    expect(await apiKeys(pool)).toMatchObject([
      { name: 'lost', made_by: null, revoked_by: null, revoked_at: new Date('2026-02-03T04:05:06Z') },
      { name: 'kept', made_by: null, revoked_at: null },
    ]);
    await pool.end();
    const waiting = `select fact, count(*)::text as keys from unchained where fact like '%key%' group by 1 order by 1`;
    expect(await query(before.url, waiting)).toEqual([
      { fact: 'api_keys', keys: '2' },
      { fact: 'key_revocations', keys: '1' },
    ]);
    await before.drop();
  });

  test('gives way to who holds what it needs and waits for what it holds, and begins anew', async () => {
    await query(database.url, `comment on schema now is 'an earlier version'`);
    const working = new pg.Client({ connectionString: database.url });
    await working.connect();
    // So that it is not this one that gives way.
    await working.query(`set deadlock_timeout = '5s'; begin; lock table signals`);
    const migrating = migrate(database.url);
    const waits = `select from pg_stat_activity where application_name = 'heed-migrate' and wait_event_type = 'Lock' and datname = current_database()`;
    while ((await query(database.url, waits)).length === 0) await sleep(10);
    await working.query('select from now.insights').catch(() => {});
    await working.end();
    expect(await migrating).toEqual([]);
    expect(await query(database.url, 'select from now.signals')).toEqual([]);
  });

  test.each([
    ['now.signals', 'id'],
    ['now.insights', 'id'],
    ['now.reach', 'signal_id'],
    ['now.answers', 'loop_id'],
    ['now.told', 'signal_id'],
    ['now.timeline', 'loop_id'],
    ['now.plans', 'loop_id'],
    ['now.rungs_ahead', 'loop_id'],
    ['now.decisions', 'insight_id'],
    ['now.insight_signals', 'insight_id'],
    ['now.open_loops', 'id'],
  ])('of one loop %s reads what belongs to it, and no table to its end', async (view, key) => {
    // Where an index would do, a table is read to its end only because it is small: here it is not.
    const plan = await query(
      `${database.url}?options=-c%20enable_seqscan%3Doff`,
      `explain (costs off) select * from ${view} where ${key} = '0190c2f1-0000-7000-8000-000000000000'`,
    );
    expect(plan.map((line) => line['QUERY PLAN']).filter((line) => line?.includes('Seq Scan'))).toEqual([]);
  });

  test.each([
    ['now.signals', SignalNow],
    ['now.insights', InsightNow],
  ])('%s has the columns that the code reads, of the kinds it expects', async (view, schema) => {
    const columns = await query(
      database.url,
      `select column_name as name, data_type as type from information_schema.columns where table_schema || '.' || table_name = '${view}'`,
    );
    const found = Object.fromEntries(columns.map(({ name, type }) => [name, kindOfColumn[type!] ?? type]));
    const wanted = Object.fromEntries(Object.entries(schema.shape).map(([name, field]) => [name, kindOfField(field)]));
    expect(found).toEqual(wanted);
  });
});

/** As store/pool.ts hands them over. */
const kindOfColumn: Record<string, string> = {
  uuid: 'string',
  text: 'string',
  date: 'string',
  'timestamp with time zone': 'date',
  boolean: 'boolean',
  integer: 'number',
  bigint: 'number',
  jsonb: 'record',
};

function kindOfField(field: z.core.$ZodType): string {
  const { type, innerType } = field._zod.def as { type: string; innerType?: z.core.$ZodType };
  if (innerType) return kindOfField(innerType);
  return type === 'enum' ? 'string' : type;
}

async function emptyDatabase() {
  const server = process.env['HEED_TEST_POSTGRES'];
  if (!server) throw new Error('Run tests through jest.config.mjs: its globalSetup starts Postgres.');
  const name = `m_${randomBytes(6).toString('hex')}`;
  await query(server, `create database ${name}`);
  return {
    url: server.replace(/\/[^/]*$/, `/${name}`),
    drop: async () => {
      await query(server, `drop database ${name} with (force)`);
    },
  };
}

async function query(url: string, statement: string): Promise<Record<string, string>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, string>>(statement)).rows;
  } finally {
    await client.end();
  }
}
