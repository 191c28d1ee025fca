/** As whom Heed works: it may do what the work takes, also with what is new, and nothing by which facts could be altered. */

import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { newId } from '../../src/domain/ids.ts';
import { backUp } from '../../src/store/backup.ts';
import { migrate, mustBeWhole } from '../../src/store/migrate.ts';
import { openPool } from '../../src/store/pool.ts';
import { applyConfiguration } from '../../src/store/records/configurations.ts';
import { restore } from '../../src/store/restore.ts';
import { scrub } from '../../src/store/scrub.ts';
import { capture } from '../../src/triggers/capture.ts';
import { sample } from '../domain/samples.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

const server = process.env['HEED_TEST_POSTGRES']!;
const working = process.env['HEED_TEST_POSTGRES_WORKING']!;
const on = (url: string, database: string): string => url.replace(/\/[^/]*$/, `/${database}`);

let db: TestDatabase;
let signal: string;
beforeAll(async () => {
  db = await openTestDatabase();
  // As after an upgrade: all views were dropped, and whatever is new was made since it was last let in.
  await ask(db.url, `comment on schema now is 'an earlier version'`, 'create table found_since (word text)');
  await migrate(db.url, undefined, { databaseUrl: db.workingUrl });
  const said = { words: 'Where is my parcel?', place: 'high-street', customer: { email: 'kim@example.com' } };
  signal = (await capture(db.heed, said, { channel: 'web', press: { source: 'test', key: newId() } })).id;
});
afterAll(() => db.close());

/** One after the other; returns what the last one found. */
async function ask(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let found: Record<string, unknown>[] = [];
    for (const statement of statements) found = (await client.query<Record<string, unknown>>(statement)).rows;
    return found;
  } finally {
    await client.end();
  }
}

describe('the role that Heed works as', () => {
  test('may read and record in every table, read every view, and use every sequence and function that there is', async () => {
    const lacking = await ask(
      db.workingUrl,
      `select c.oid::regclass::text as name, array_agg(needed order by needed) as lacks
       from pg_class c
       join (values
         ('r', 'select'), ('r', 'insert'), ('r', 'update'), ('r', 'delete'), ('v', 'select'), ('S', 'usage'), ('S', 'select')
       ) as need (kind, needed) on need.kind = c.relkind
       where c.relnamespace in ('public'::regnamespace, 'now'::regnamespace) and c.relname <> 'test_clock'
         and not case c.relkind when 'S' then has_sequence_privilege(c.oid, needed) else has_table_privilege(c.oid, needed) end
       group by c.oid order by 1`,
    );
    // By these alone the tables can be told to have been altered, or which version they are of.
    expect(lacking).toEqual([
      { name: 'chain', lacks: ['delete', 'update'] },
      { name: 'fact_forms', lacks: ['delete', 'insert', 'update'] },
      { name: 'migrations', lacks: ['delete', 'insert', 'update'] },
    ]);
    const functions = `select oid::regprocedure::text as name, has_function_privilege(oid, 'execute') as may from pg_proc
      where pronamespace in ('public'::regnamespace, 'now'::regnamespace)`;
    const known = await ask(db.workingUrl, functions);
    expect(known.length).toBeGreaterThan(10);
    expect(known.filter(({ may }) => may !== true)).toEqual([]);
  });

  test('owns nothing anywhere, is nothing special, and may make nothing', async () => {
    const owned = `select classid::regclass::text, objid from pg_shdepend where refobjid = current_user::regrole and deptype = 'o'`;
    expect(await ask(db.workingUrl, owned)).toEqual([]);
    expect(
      await ask(
        db.workingUrl,
        `select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as special,
           array(select roleid::regrole::text from pg_auth_members where member = pg_roles.oid) as member_of
         from pg_roles where rolname = current_user`,
      ),
    ).toEqual([{ special: false, member_of: ['pg_checkpoint'] }]);
    const makes = `select nspname from pg_namespace where has_schema_privilege(oid, 'create')`;
    expect(await ask(db.workingUrl, makes)).toEqual([]);
  });

  test.each([
    ['switch off what keeps facts', 'alter table decisions disable trigger all'],
    ['switch it off for itself', 'set session_replication_role = replica'],
    ['put something else in its place', `create or replace function facts_stay() returns trigger language sql as ''`],
    ['make a function', 'create function public.mine() returns integer return 1'],
    ['make one for itself', 'create function pg_temp.mine() returns integer return 1'],
    ['make a table that is read in the place of ours', 'create temporary table fact_forms (fact text)'],
    ['put something else in the place of a view', 'create or replace view now.signals as select 1 as id'],
    ['alter a table', 'alter table signals add column mine text'],
    ['drop one', 'drop table words'],
    ['empty one', 'truncate words'],
    ['take a link out of the chain', 'delete from chain'],
    ['say that something is no fact', 'delete from fact_forms'],
    ['say that nothing was migrated', 'delete from migrations'],
    ['read passwords', 'select from pg_authid'],
    ['become more', 'alter role current_user superuser'],
    ['become somebody else', 'set role heed'],
    ['run a program', `copy words to program 'cat'`],
    ['read a file', `select pg_read_file('PG_VERSION')`],
  ])('cannot %s', async (_, statement) => {
    const refused = { message: expect.stringMatching(/^(permission denied|must be owner)/), code: '42501' };
    await expect(ask(db.workingUrl, statement)).rejects.toMatchObject(refused);
  });

  test.each(['nothing', 'samples', 'restore', 'erase'])(
    'cannot alter a fact either, when it says %s first',
    async (word) => {
      for (const altering of [
        `update loops set place = 'station' where id = '${signal}'`,
        `update signals set captured_at = captured_at - interval '1 day' where id = '${signal}'`,
        `delete from rounds where loop_id = '${signal}'`,
        `update customers set sample = true`,
        `with gone as (delete from customers returning *) insert into customers select id, name, true, created_at from gone`,
        `update presses set person = 'tomas', fact_id = null`,
        `update presses set person = 'tomas', result = '{}'`,
      ])
        await expect(ask(db.workingUrl, `set heed.may = '${word}'`, altering)).rejects.toThrow(/^Facts stay/);
    },
  );

  test('cannot make a fact of a sample by giving a sample its id', async () => {
    for (const fact of ['ownerships', 'presses', 'identities']) {
      const [{ id }] = (await ask(db.workingUrl, `select id from ${fact}`)) as [{ id: string }];
      await ask(
        db.workingUrl,
        `set heed.may = 'samples'`,
        `insert into loops (id, kind, place, sample) values ('${id}', 'signal', 'high-street', true)`,
      );
      for (const altering of [
        `delete from ${fact} where id = '${id}'`,
        `update ${fact} set id = gen_random_uuid() where id = '${id}'`,
      ])
        await expect(ask(db.workingUrl, `set heed.may = 'samples'`, altering)).rejects.toThrow(/^Facts stay/);
    }
  });

  test('cannot take out again what it put in about a remark, by naming a sample beside it', async () => {
    const [customer, consent] = [newId(), newId()];
    await ask(
      db.workingUrl,
      `set heed.may = 'samples'`,
      `insert into customers (id, sample) values ('${customer}', true)`,
      `insert into consents (id, signal_id, customer_id, purpose, channel, wording)
       values ('${consent}', '${signal}', '${customer}', 'follow_up', 'phone', '2026-06')`,
    );
    const altering = `delete from consents where id = '${consent}'`;
    await expect(ask(db.workingUrl, `set heed.may = 'samples'`, altering)).rejects.toThrow(/^Facts stay/);
  });

  test('alters no words without a trace: that they were altered is recorded, as in an erasure', async () => {
    const altering = `update words set words = 'It is all fine' where signal_id = '${signal}'`;
    for (const word of ['nothing', 'samples', 'restore'])
      await expect(ask(db.workingUrl, `set heed.may = '${word}'`, altering)).rejects.toThrow(/^Facts stay/);
    await ask(db.workingUrl, `set heed.may = 'erase'`, `set heed.cause = '${newId()}'`, altering);
    const traces = `select key from unsealings where fact = 'words'`;
    expect(await ask(db.workingUrl, traces)).toEqual([{ key: signal }]);
  });

  test('takes what was deleted out of tables, statistics and log as its owner would', async () => {
    // What it may not write anew Postgres leaves out, with a warning that nobody would read.
    const warned: unknown[] = [];
    const client = new pg.Client({ connectionString: db.workingUrl });
    client.on('notice', ({ message }) => warned.push(message));
    await client.connect();
    for (const table of ['words', 'salts', 'pg_catalog.pg_statistic']) await client.query(`vacuum full ${table}`);
    await client.end();
    expect(warned).toEqual([]);
    expect(await scrub(db.workingUrl)).toEqual({ swept: [], inUse: [] });
  });
});

describe('a database in which one role did everything', () => {
  let name: string;
  beforeAll(async () => {
    name = `r_${randomBytes(6).toString('hex')}`;
    await ask(server, `create database ${name}`);
    await migrate(on(server, name));
  });
  afterAll(() => ask(server, `drop database ${name} with (force)`));

  test('lets another one work in it when both are named, and from then on also when its owner migrates alone', async () => {
    const [ownerUrl, databaseUrl] = [on(server, name), on(working, name)];
    const reads = (): Promise<unknown> => ask(databaseUrl, 'select id from now.signals', 'select id from signals');
    await expect(reads()).rejects.toThrow(/^permission denied/);
    const pool = await openPool(databaseUrl, { connections: 1 });
    await expect(mustBeWhole(pool)).rejects.toThrow(/may not work in this database yet\. Run heed migrate/);
    // What is there is to be backed up before it is migrated, so nobody is told that there is nothing.
    const file = join(tmpdir(), `${name}.backup`);
    await expect(backUp(databaseUrl, file)).rejects.toThrow(/may not work in this database yet: .* name the owner/);
    await backUp(ownerUrl, file);
    await rm(file);

    await migrate(ownerUrl, undefined, { databaseUrl });
    await mustBeWhole(pool);
    await pool.end();
    expect(await reads()).toEqual([]);

    // With views of another version.
    await ask(
      ownerUrl,
      `do $$ begin execute format('comment on schema now is %L', repeat('0', 64) || ' heed_work'); end $$`,
    );
    await expect(migrate(databaseUrl)).rejects.toThrow(
      /^This role may not change the database\. Set DATABASE_OWNER_URL/,
    );
    await migrate(ownerUrl);
    expect(await reads()).toEqual([]);
    expect(await migrate(ownerUrl, undefined, { databaseUrl })).toEqual([]);
    expect(await migrate(databaseUrl)).toEqual([]);
  });
});

describe('the roles of the compose file', () => {
  const ours = `c_${randomBytes(6).toString('hex')}`;
  const at = (role: string): string => {
    const url = new URL(on(server, ours));
    url.username = role;
    url.password = 'secret';
    return url.href;
  };
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heed-roles-'));
    const script = await readFile(new URL('../../docker/postgres/roles.sh', import.meta.url), 'utf8');
    const named = script
      .split(/^SQL$|<<'SQL'$/m)[1]!
      .replaceAll(/:'\w+'/g, `'secret'`)
      .replaceAll(/\btemporal\b/g, `${ours}_temporal`)
      .replaceAll(/\bheed_work\b/g, `${ours}_work`)
      .replaceAll(/\bheed\b/g, ours);
    const [outside, inside] = named
      .split(`\\connect ${ours}\n`)
      .map((part) => part.split(/;\n/).filter((statement) => statement.trim()));
    await ask(server, ...outside!);
    await ask(on(server, ours), ...inside!);
  });
  afterAll(async () => {
    await ask(server, `drop database if exists ${ours} with (force)`);
    for (const role of [ours, `${ours}_work`, `${ours}_temporal`]) await ask(server, `drop role if exists ${role}`);
    await rm(folder, { recursive: true });
  });

  test('are enough: an owner that is no superuser migrates and restores, and the other one works, scrubs and backs up', async () => {
    const [ownerUrl, databaseUrl] = [at(ours), at(`${ours}_work`)];
    await migrate(ownerUrl, undefined, { databaseUrl });
    const pool = await openPool(databaseUrl, { connections: 1 });
    await pool.transaction((tx) => applyConfiguration(tx, { yaml: '# shop', company: sample('shop'), by: 'test' }));
    await pool.end();
    expect(await scrub(databaseUrl)).toEqual({ swept: [], inUse: [] });
    const file = join(folder, 'shop.backup');
    await backUp(databaseUrl, file);

    // A reader of another role is seen, though not since when it reads; and a worker is, whatever the owner is told of it.
    const reader = new pg.Client({ connectionString: ownerUrl });
    await reader.connect();
    await reader.query('begin isolation level repeatable read; select from words');
    expect((await scrub(databaseUrl)).inUse).toContain('salts');
    await reader.end();
    const worker = new pg.Client({ connectionString: databaseUrl });
    await worker.connect();
    const restoring = (): ReturnType<typeof restore> => restore(ownerUrl, file, { replace: true, databaseUrl });
    await expect(restoring()).rejects.toThrow(/in use\. Stop web, worker/);
    await worker.end();
    while ((await ask(server, `select from pg_stat_activity where datname = '${ours}'`)).length > 0);

    await restoring();
    const inForce = 'select version from configurations where exists (select from now.signals) is false';
    expect(await ask(databaseUrl, inForce)).toEqual([{ version: 1 }]);
  });

  test('Temporal may open nothing of Heed', async () => {
    await expect(ask(at(`${ours}_temporal`), 'select 1')).rejects.toThrow(/^permission denied for database/);
  });
});
