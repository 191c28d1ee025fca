/** A backup is everything, or it is refused: written in one snapshot, for one account alone, and brought back row for row. */

import { randomBytes } from 'node:crypto';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { audit } from '../../src/audit/audit.ts';
import { newId } from '../../src/domain/ids.ts';
import { processesNaming } from '../../src/embedded/processes.ts';
import { backUp, readHeader } from '../../src/store/backup.ts';
import { keepBackups, nameAt, rhythm, tooMany } from '../../src/store/keepBackups.ts';
import { migrate, migrateTo } from '../../src/store/migrate.ts';
import { openPool } from '../../src/store/pool.ts';
import { apiKey, keepApiKey, revokeApiKeys } from '../../src/store/records/apiKeys.ts';
import { chainFacts } from '../../src/store/records/chain.ts';
import { applyConfiguration, openConfigurations } from '../../src/store/records/configurations.ts';
import { suppress } from '../../src/store/records/customers.ts';
import { findLink, makeLink } from '../../src/store/records/links.ts';
import { tallyRefusals } from '../../src/store/records/refusals.ts';
import { openSession, personOfSession, revokeSessions } from '../../src/store/records/sessions.ts';
import { restore } from '../../src/store/restore.ts';
import { copyOut } from '../../src/store/copy.ts';
import { gathered, Wishes, wishesIn, writtenWishes } from '../../src/store/wishes.ts';
import { readCompany } from '../../src/domain/companyFile.ts';
import { capture } from '../../src/triggers/capture.ts';
import type { Heed } from '../../src/triggers/heed.ts';
import { disavow, stopWriting } from '../../src/triggers/responses/stop.ts';
import { vouchByHand } from '../../src/triggers/responses/vouch.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { rectify } from '../../src/triggers/rights/rectify.ts';
import { lift, restrict } from '../../src/triggers/rights/restrict.ts';
import { subjectNamed } from '../../src/triggers/rights/subject.ts';
import { loadSampleHistory } from '../../src/triggers/sampleHistory.ts';

const server = process.env['HEED_TEST_POSTGRES']!;
const databases: string[] = [];
let folder: string;
let source: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-backup-'));
  file = join(folder, 'whole.backup');
  source = await blank();
  await migrate(source);
  const yaml = await readFile(new URL('../../samples/demo.yaml', import.meta.url), 'utf8');
  const read = readCompany(yaml);
  if ('problems' in read) throw new Error('samples/demo.yaml is not sound');
  const pool = await openPool(source, { statementTimeoutMs: 20_000 });
  await pool.transaction((tx) => applyConfiguration(tx, { yaml, company: read.company, by: 'test' }));
  const configuration = openConfigurations(pool);
  await loadSampleHistory(pool, { company: read.company, configuration: 1, now: new Date() });
  for (const words of ['Tabs\tand\\.\nlines\r\n\\.\n', 'naïve ☃ \u{1f600} "quoted"', '\\N'])
    await capture(
      { pool, configuration, hint: () => {}, turnedAway: tallyRefusals(pool) },
      {
        words,
        place: Object.keys(read.company.places)[0]!,
        customer: { name: words.slice(0, 20), email: `${newId()}@example.com` },
      },
      { channel: 'api', press: { source: 'test', key: newId() } },
    );
  while ((await chainFacts(pool, 500)) > 0);
  await pool.end();
  await backUp(source, file);
});
afterAll(async () => {
  for (const name of databases) await ask(server, `drop database ${name} with (force)`);
  await rm(folder, { recursive: true, force: true });
});

async function blank(like = ''): Promise<string> {
  const name = `b_${randomBytes(6).toString('hex')}`;
  databases.push(name);
  await ask(server, `create database ${name} ${like}`);
  return server.replace(/\/[^/]*$/, `/${name}`);
}

/** One in which that backup was restored, for a test to begin with: restored once for all of them, and copied. */
async function restored(): Promise<string> {
  first ??= blank().then(async (target) => {
    await restore(target, file);
    return target.split('/').at(-1)!;
  });
  return blank(`template ${await first} strategy file_copy`);
}
let first: Promise<string> | undefined;

async function ask(url: string, statement: string): Promise<Record<string, string>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, string>>(statement)).rows;
  } finally {
    await client.end();
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 30_000; !(await holds()); await sleep(10))
    if (performance.now() > end) throw new Error('This never came about.');
}

/** One byte in the middle of it is another. */
function damaged(whole: Buffer): Buffer {
  const bytes = Buffer.from(whole);
  bytes[bytes.length >> 1]! ^= 1;
  return bytes;
}

/** Every table as one number: two databases with the same ones hold the same rows. Without the epoch that restoring begins, which is a fact
 *  that waits to be linked. */
async function contents(url: string): Promise<Record<string, string>> {
  const tables = await ask(
    url,
    `select tablename as name from pg_tables where schemaname = 'public' and tablename not in ('migrations', 'wakes', 'epochs', 'unchained') order by 1`,
  );
  const sums = await Promise.all(
    tables.map(({ name }) =>
      ask(
        url,
        `select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as sum from ${name} t`,
      ),
    ),
  );
  return Object.fromEntries(tables.map(({ name }, n) => [name, sums[n]![0]!['sum']!]));
}

/** What is done by a Heed on this database. */
async function heedAt(url: string, act: (heed: Heed) => Promise<void>): Promise<void> {
  const pool = await openPool(url, { statementTimeoutMs: 20_000 });
  await act({ pool, configuration: openConfigurations(pool), hint: () => {}, turnedAway: tallyRefusals(pool) });
  await pool.end();
}

interface Written {
  header: { migrations: string[] };
  lines: string[];
}

/** What the backup says, line by line. */
async function read(): Promise<Written> {
  const [header, ...lines] = gunzipSync(await readFile(file))
    .toString()
    .split('\n');
  return { header: JSON.parse(header!) as Written['header'], lines };
}

/** One that says something else in its header, or behind it. */
async function changed(what: object, rest?: string[]): Promise<string> {
  const { header, lines } = await read();
  const other = join(folder, 'changed.backup');
  await writeFile(other, gzipSync([JSON.stringify({ ...header, ...what }), ...(rest ?? lines)].join('\n')));
  return other;
}

/** No version ever had such a column. */
const withMood = (lines: string[]): string[] => [
  ...lines.slice(0, 40),
  '{"table":"signals","columns":["mood"]}',
  '\\.',
  ...lines.slice(40),
];

test('comes back row for row, with the numbers that are given next, and every open loop is woken', async () => {
  const target = await blank();
  const restored = await restore(target, file);
  expect(await contents(target)).toEqual(await contents(source));
  expect(restored).toMatchObject({ erasedAgain: 0, loops: 3 });
  expect(await ask(target, 'select max(epoch)::text as epoch from epochs')).toEqual([{ epoch: '2' }]);
  expect(await ask(target, 'select count(*)::text as n from wakes')).toEqual([{ n: '3' }]);
  const last = `select last_value::text from configurations_version_seq`;
  expect(await ask(target, last)).toEqual(await ask(source, last));
  // The schema is whole: a second migration finds nothing to do.
  expect(await migrate(target)).toEqual([]);
});

test('leaves nothing that Postgres would have to count before it could plan for it', async () => {
  const uncounted = await ask(
    await restored(),
    `select c.relname from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
       and c.reltuples < 0 and pg_relation_size(c.oid) > 0 and c.relname not in ('migrations', 'epochs', 'wakes') order by 1`,
  );
  expect(uncounted).toEqual([]);
});

test('is for the account that made it alone', async () => {
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('never takes the place of what is there unless that was said, nor of what somebody is using', async () => {
  await expect(restore(source, file)).rejects.toThrow(/say --replace/);
  const before = await contents(source);
  const user = new pg.Client({ connectionString: source });
  user.on('error', () => {});
  await user.connect();
  await expect(restore(source, file, { replace: true })).rejects.toThrow(/Stop web, worker and relay first/);
  await user.end();
  expect(await contents(source)).toEqual(before);
  await restore(source, file, { replace: true });
  expect(await contents(source)).toEqual(before);
});

test('that tells of very many erasures puts its first line together once, and not again for each piece of it', async () => {
  const told = join(await mkdtemp(join(folder, 'many-')), 'told.erasures');
  const erasures = Array.from({ length: 20_000 }, () => ({
    id: newId(),
    customerId: newId(),
    cause: 'retention',
    by: 'heed',
    reason: 'kept no longer',
    erasedAt: new Date(),
    signals: [newId()],
    tombstones: [],
  }));
  const line = JSON.stringify({ heed: 'backup', format: 1, takenAt: new Date(), migrations: [], erasures });
  await writeFile(told, gzipSync(`${line}\n`));
  const concat = jest.spyOn(Buffer, 'concat');
  try {
    expect((await readHeader(told)).erasures).toHaveLength(20_000);
    const moved = concat.mock.calls.flatMap(([pieces]) => pieces).reduce((bytes, piece) => bytes + piece.length, 0);
    expect(moved).toBeGreaterThanOrEqual(line.length);
    expect(moved).toBeLessThan(2 * line.length);
  } finally {
    concat.mockRestore();
  }
});

test('tells what people asked a thousand at a time, and reads what an erasure was of for that one alone', async () => {
  const target = await restored();
  const many = 2_500;
  const client = new pg.Client({ connectionString: target });
  await client.connect();
  try {
    await client.query(`
      set session_replication_role = replica;
      with e as (
        insert into erasures (id, customer_id, cause, by, reason)
        select gen_random_uuid(), gen_random_uuid(), 'retention', 'heed', 'kept "no" longer \\ n' from generate_series(1, ${many})
        returning id),
      s as (insert into erased_signals (signal_id, erasure_id) select gen_random_uuid(), id from e)
      insert into tombstones (erasure_id, kind, address_hash) select id, 'email', sha256(id::text::bytea) from e;
      analyze`);
    await client.query('begin');
    const pieces: string[] = [];
    for await (const piece of writtenWishes(client)) pieces.push(piece);
    const { rows } = await client.query<{ read: number }>(`
      select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as read from pg_stat_xact_user_tables
      where relname in ('erasures', 'erased_signals', 'tombstones')`);
    await client.query('commit');
    expect(rows[0]!.read).toBeLessThan(5 * many);
    const erasuresIn = (text: string) => text.match(/"erasedAt"/g)?.length ?? 0;
    expect(pieces.map(erasuresIn).filter(Boolean)).toEqual([1000, 1000, 500]);

    const told = Wishes.parse(JSON.parse(`{${pieces.join('').slice(1)}}`));
    expect(told).toEqual(await wishesIn(client));
    const made = join(await mkdtemp(join(folder, 'told-')), 'told.erasures');
    await backUp(target, made, { erasuresOnly: true });
    expect(await readHeader(made)).toMatchObject(told);
  } finally {
    await client.end();
  }
});

test('hands on many rows at once, and one that is larger than that whole', async () => {
  const client = new pg.Client({ connectionString: source });
  await client.connect();
  try {
    const rows = [...Array(50_000).keys()].map(String).toSpliced(25_000, 0, 'x'.repeat(200_000));
    const statement = `copy (
      select coalesce(w.long, n::text) from generate_series(0, 49999) n
      cross join lateral (select repeat('x', 200000) as long where n = 25000 union all select null) w
      order by n, w.long nulls last) to stdout`;
    const pieces: Buffer[] = await copyOut(client, statement).toArray();
    expect(Buffer.concat(pieces).toString()).toBe(rows.map((row) => `${row}\n`).join(''));
    expect(pieces.length).toBeLessThan(12);
  } finally {
    await client.end();
  }
});

test('of a database in which an erasure was repeated, and which tells less of it, makes nobody forget what was erased', async () => {
  const erasure = {
    id: newId(),
    customerId: null,
    cause: 'asked' as const,
    by: 'ops',
    reason: 'they asked',
    erasedAt: new Date(),
    signals: [newId(), newId()],
    tombstones: [{ kind: 'email', hash: 'ab' }],
  };
  const none = { suppressions: [], vouchings: [], rights: [], disavowals: [], key_revocations: [] };
  const tellings = async function* () {
    yield { ...none, erasures: [erasure] };
    yield { ...none, erasures: [{ ...erasure, signals: [], tombstones: [] }] };
  };
  expect(await gathered(tellings())).toEqual({ ...none, erasures: [erasure] });
});

test('that was cut off, or is none, is refused before anything gives way to it', async () => {
  const whole = await readFile(file);
  const cut = join(folder, 'cut.backup');
  const before = await contents(source);
  for (const bytes of [whole.subarray(0, whole.length - 2_000), damaged(whole)]) {
    await writeFile(cut, bytes);
    await expect(restore(source, cut, { replace: true })).rejects.toThrow(/is damaged or was cut off/);
  }
  await writeFile(cut, 'not a backup');
  await expect(restore(source, cut, { replace: true })).rejects.toThrow(/is no backup of Heed/);
  await backUp(source, cut, { erasuresOnly: true });
  await expect(restore(source, cut, { replace: true })).rejects.toThrow(
    /holds nothing but what was erased.* --erasures/,
  );
  expect(await contents(source)).toEqual(before);
  expect(await migrate(source)).toEqual([]);
});

test('of a later Heed is refused, and what fails half-way costs nothing of what was there', async () => {
  const { header, lines } = await read();
  const { migrations } = header;
  const before = await contents(source);
  const refused = (of: string) => expect(restore(source, of, { replace: true })).rejects;
  await refused(await changed({ migrations: [...migrations, '9999_of_tomorrow'] })).toThrow(
    /another version of Heed, later/,
  );
  await refused(await changed({ format: 2 })).toThrow(/that this version can read/);
  const unfit = await changed({}, withMood(lines));
  await refused(unfit).toThrow(/could not be restored\. What was there is not lost/);
  expect(await contents(source)).toEqual(before);
  expect(await migrate(source)).toEqual([]);

  // What was there may be as good as nothing: a database on which a company is still to be put into force.
  const target = await blank();
  await migrate(target);
  await expect(restore(target, unfit)).rejects.toThrow(/could not be restored\. What was there is not lost/);
  expect(await ask(target, 'select from configurations')).toEqual([]);
  expect(await ask(target, 'select from now.signals')).toEqual([]);
});

test('that cannot be restored leaves a database of another version as that one made it', async () => {
  const target = await restored();
  const unfit = await changed({}, withMood((await read()).lines));
  const state = (): Promise<unknown> =>
    Promise.all([
      ask(target, `select name from migrations order by id`),
      ask(target, `select oid, relname from pg_class where relnamespace = to_regnamespace('now') order by oid`),
    ]);
  for (const another of [
    // A later one, whose views this one cannot make; an earlier one, which nobody has asked to upgrade.
    `insert into migrations (name, run_on) values ('9999_of_tomorrow', now())`,
    `delete from migrations where id >= (select max(id) - 1 from migrations)`,
  ]) {
    await ask(target, another);
    const before = await state();
    await expect(restore(target, unfit, { replace: true })).rejects.toThrow(/What was there is not lost/);
    expect(await state()).toEqual(before);
  }
});

test('that was killed says what the database holds, also where that is of a later Heed', async () => {
  const target = await restored();
  await ask(target, `insert into migrations (name, run_on) values ('9999_of_tomorrow', now())`);
  // As far as it came: what it brought is in, with nothing that stands on what it put aside.
  await ask(target, 'alter schema public rename to replaced; create schema public; drop schema now cascade');
  await expect(restore(target, file)).rejects.toThrow(
    /holds a Heed already.* say --replace.* To keep it, run heed migrate of/,
  );
  expect(await ask(target, 'select from loops')).not.toEqual([]);
});

test('that is restored by somebody who is killed in the middle is opened by nobody, until it is restored to the end', async () => {
  const target = await blank();
  const name = target.split('/').at(-1)!;
  // Everything is in, and nothing is erased again, no letter in doubt yet. Looked for and ended by Postgres itself, for it is over in a moment.
  const killing = ask(
    server,
    `do $$ begin
       for n in 1..12000 loop
         perform pg_stat_clear_snapshot();
         if exists (select from pg_stat_activity where datname = '${name}' and application_name = 'heed-migrate') then
           perform pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}';
           exit;
         end if;
         perform pg_sleep(0.005);
       end loop;
     end $$`,
  );
  const restoring = restore(target, file).catch((error: unknown) => error);
  await killing;
  expect(await restoring).toBeInstanceOf(Error);
  await expect(migrate(target)).rejects.toThrow(/was cut short.* Run heed restore again/);
  // Nor by a process that is started alone, and migrates nothing.
  const env = { ...process.env, DATABASE_URL: target, TEMPORAL_ADDRESS: '127.0.0.1:9', SMTP_URL: 'smtp://127.0.0.1:9' };
  await Promise.all(
    ['web', 'worker', 'relay'].map((part) =>
      expect(
        promisify(execFile)(process.execPath, ['src/main.ts', part], { env, timeout: 20_000 }),
      ).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/was cut short.* Run heed restore again/),
      }),
    ),
  );
  expect(await restore(target, file)).toMatchObject({ loops: 3 });
  expect(await contents(target)).toEqual(await contents(source));
  expect(await migrate(target)).toEqual([]);
});

test('that is killed just before its end, and not wanted any more, leaves what it was to replace as it was', async () => {
  const target = await restored();
  const name = target.split('/').at(-1)!;
  const before = await contents(target);
  // When what was put aside is to go, everything is in and the views are made. Held by Postgres itself: whoever looked on from outside would be
  // a connection in use, which no restore begins beside, or come too late.
  await ask(
    target,
    `create schema held;
     create function held.here() returns event_trigger language plpgsql as
       $$ begin if current_query() like 'drop schema "replaced"%' then perform pg_sleep(60); end if; end $$;
     create event trigger held on ddl_command_start when tag in ('DROP SCHEMA') execute function held.here()`,
  );
  const restoring = restore(target, file, { replace: true }).catch((error: unknown) => error);
  const held = `select from pg_stat_activity where datname = '${name}' and wait_event = 'PgSleep'`;
  await until(async () => (await ask(server, held)).length > 0);
  await ask(server, `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
  expect(await restoring).toBeInstanceOf(Error);
  await until(async () => (await ask(server, `select from pg_stat_activity where datname = '${name}'`)).length === 0);
  await expect(restore(target, file)).rejects.toThrow(/say --replace/);
  expect(await contents(target)).toEqual(before);
  expect(await migrate(target)).toEqual([]);
  expect(await ask(target, 'select from now.signals')).not.toEqual([]);
});

test('that is broken off while it is restored for a Heed that was stopped leaves no Postgres running', async () => {
  const dataDir = await realpath(await mkdtemp(join(tmpdir(), 'heed-restored-')));
  const server = ['-D', join(dataDir, 'postgres', 'data')];
  const env = { ...process.env, DATABASE_URL: undefined, HEED_DATA_DIR: dataDir };
  const child = spawn('scripts/heed', ['restore', file], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    await until(async () => (await processesNaming(server)).length > 0);
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    expect({ code, said }).toEqual({
      code: 1,
      said: expect.stringMatching(/^Broken off\. What was there is not lost/),
    });
    expect(await processesNaming(server)).toEqual([]);
  } finally {
    for (const { pid } of await processesNaming(server)) process.kill(pid, 'SIGQUIT');
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
});

describe('one from before people asked something of us', () => {
  interface Said {
    signal: string;
    customer: string;
  }
  let written: string;
  let older: string;
  let later: string;
  let stops: Said;
  let disowns: Said;
  let rests: Said;
  let goesOn: Said;
  /** Is put right, and objects then. */
  let moves: Said;
  /** Their mail had bounced, and they are vouched for. */
  let bounced: Said;
  let came: Said;
  const tillKey = 'heed_of_the_till';
  const lostKey = 'heed_of_a_lost_laptop';
  /** Of somebody who was signed in when it was made, and signed out everywhere since; and of the mail that they had not opened. */
  let session: string;
  let signIn: string;

  beforeAll(async () => {
    written = await restored();
    older = join(await mkdtemp(join(folder, 'older-')), 'older.backup');
    later = join(await mkdtemp(join(folder, 'later-')), 'later.backup');
    const pool = await openPool(written, { statementTimeoutMs: 20_000 });
    const heed = { pool, configuration: openConfigurations(pool), hint: () => {}, turnedAway: tallyRefusals(pool) };
    const { company } = await heed.configuration();
    const hears = async (name: string): Promise<Said> => {
      const { id: signal } = await capture(
        heed,
        {
          words: `It is ${name} who said this`,
          place: Object.keys(company.places)[0]!,
          customer: { name, email: `${name}@example.com` },
          consent: [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }],
        },
        { channel: 'api', press: { source: 'test', key: newId() } },
      );
      const [of] = await ask(written, `select customer_id from signals where id = '${signal}'`);
      return { signal, customer: of!['customer_id']! };
    };
    [stops, disowns, rests, goesOn, moves, bounced] = [
      await hears('sten'),
      await hears('dido'),
      await hears('rosa'),
      await hears('gorm'),
      await hears('mona'),
      await hears('bo'),
    ];
    const mailBounces = (email: string) =>
      pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: email }], 'bounced'));
    await mailBounces('bo@example.com');
    await restrict(heed, goesOn.customer, { by: 'otto' });
    await keepApiKey(pool, tillKey, { name: 'till', scopes: ['capture'], by: 'ops' });
    await keepApiKey(pool, lostKey, { name: 'laptop', scopes: ['*'], by: 'ops' });
    const [somebody] = Object.keys(company.staff);
    session = await openSession(pool, somebody!);
    signIn = await makeLink(pool, { kind: 'sign_in', staff: somebody });
    await backUp(written, older);

    await stopWriting(heed, stops.customer);
    await disavow(heed, disowns.signal, disowns.customer);
    await restrict(heed, rests.customer, { by: 'otto' });
    await lift(heed, goesOn.customer, { by: 'otto' });
    await rectify(heed, moves.customer, { email: 'mona@elsewhere.example' }, { by: 'otto' });
    await stopWriting(heed, moves.customer);
    await vouchByHand(heed, bounced.customer, 'otto');
    // And once more.
    await mailBounces('bo@example.com');
    await vouchByHand(heed, bounced.customer, 'otto');
    await revokeApiKeys(pool, 'laptop', 'ops');
    await pool.transaction((tx) => revokeSessions(tx, somebody!, { by: 'otto' }));
    came = await hears('cato');
    await stopWriting(heed, came.customer);
    await disavow(heed, came.signal, came.customer);
    await pool.end();
    await backUp(written, later);
  });

  const reachOf = async (url: string, { signal }: Said): Promise<string | null> => {
    const [way] = await ask(
      url,
      `select coalesce(channel, why_not) as way from now.reach where signal_id = '${signal}'`,
    );
    return way!['way']!;
  };
  const emailsOf = (url: string, { customer }: Said) =>
    ask(url, `select from identities where customer_id = '${customer}' and kind = 'email'`);
  const resting = (url: string) => ask(url, 'select customer_id from now.restrictions');
  /** By which name each of the two keys comes in. */
  async function keysAt(url: string): Promise<(string | undefined)[]> {
    const pool = await openPool(url, { statementTimeoutMs: 20_000 });
    const found = [await apiKey(pool, tillKey), await apiKey(pool, lostKey)];
    await pool.end();
    return found.map((key) => key?.name);
  }

  async function expectAllIsKept(url: string): Promise<void> {
    expect(await reachOf(url, stops)).toBe('suppressed');
    // At the former address, which is theirs again here, too.
    expect(await reachOf(url, moves)).toBe('suppressed');
    expect(await reachOf(url, disowns)).toBe('not_me');
    expect(await reachOf(url, bounced)).toBe('email');
    expect(await emailsOf(url, disowns)).toEqual([]);
    expect(await resting(url)).toEqual([{ customer_id: rests.customer }]);
    expect(await keysAt(url)).toEqual(['till', undefined]);
    expect(await ask(url, `select from signals where id = '${came.signal}'`)).toEqual([]);
    // Each is a fact as any other: on the chain.
    const pool = await openPool(url, { statementTimeoutMs: 20_000 });
    while ((await chainFacts(pool, 500)) > 0);
    await pool.end();
    const { findings } = await audit({ databaseUrl: url });
    expect(findings.find(({ invariant }) => invariant === 'I7')?.violations).toEqual([]);
    const linked = `select fact, count(*)::text as n from chain where fact in ('suppressions', 'rights', 'disavowals', 'vouchings') group by 1 order by 1`;
    expect(await ask(url, linked)).toEqual([
      { fact: 'disavowals', n: '1' },
      // The sixth is that a stranger's mailbox was taken away.
      { fact: 'rights', n: '6' },
      { fact: 'suppressions', n: '6' },
      { fact: 'vouchings', n: '2' },
    ]);
  }

  test('comes back as it was, where nobody can know better', async () => {
    const target = await blank();
    expect(await restore(target, older)).toMatchObject({ heldAgain: 0 });
    expect([await reachOf(target, stops), await reachOf(target, disowns)]).toEqual(['email', 'email']);
    expect(await reachOf(target, bounced)).toBe('bounced');
    expect(await resting(target)).toEqual([{ customer_id: goesOn.customer }]);
    expect(await keysAt(target)).toEqual(['till', 'laptop']);
  });

  test('lets in nobody who was signed in, nor by a link to sign in: whoever was signed out since would be back', async () => {
    const target = await blank();
    await restore(target, older);
    const pool = await openPool(target, { statementTimeoutMs: 20_000 });
    expect(await personOfSession(pool, session)).toBeNull();
    expect(await findLink(pool, signIn, ['sign_in'])).toMatchObject({ ended: true });
    await pool.end();
  });

  test('knows whoever objected since, and which keys were revoked, once it is restored beside a later one, or one that is named', async () => {
    const beside = await mkdtemp(join(folder, 'beside-'));
    for (const one of [older, later]) await cp(one, join(beside, basename(one)));
    const target = await blank();
    expect(await restore(target, join(beside, 'older.backup'))).toMatchObject({ erasedAgain: 0, heldAgain: 10 });
    await expectAllIsKept(target);

    const another = await blank();
    await restore(another, older, { erasuresFrom: [later] });
    await expectAllIsKept(another);
  });

  test('knows them from what it takes the place of, too', async () => {
    await restore(written, older, { replace: true });
    await expectAllIsKept(written);
  });

  test('knows which keys were revoked from what was written before that was a fact of its own, too', async () => {
    const [lost] = await ask(written, `select id from api_keys where name = 'laptop'`);
    const former = join(await mkdtemp(join(folder, 'former-')), 'former.erasures');
    const { key_revocations, ...header } = await readHeader(later);
    const api_keys = key_revocations.map(({ id, at }) => ({ id, at }));
    await writeFile(former, gzipSync(`${JSON.stringify({ ...header, api_keys })}\n`));
    const target = await blank();
    await restore(target, older, { erasuresFrom: [former] });
    expect(await keysAt(target)).toEqual(['till', undefined]);

    const notUpgraded = await blank();
    const client = new pg.Client({ connectionString: notUpgraded });
    await client.connect();
    await migrateTo(client, 40);
    await client.query(`
      insert into api_keys (id, name, key_hash, scopes, revoked_at) values ('${lost!['id']!}', 'laptop', '', '{*}', heed_now())`);
    await client.end();
    await restore(notUpgraded, older, { replace: true });
    expect(await keysAt(notUpgraded)).toEqual(['till', undefined]);
  });

  test('what was said before an erasure is not taken in again, though the backup is older than the first that they said', async () => {
    // Each in a folder of its own, so that none is found beside another.
    const apart = async (name: string) => join(await mkdtemp(join(folder, `${name}-`)), `${name}.backup`);
    const [before, between, after, next] = [
      await apart('before'),
      await apart('between'),
      await apart('after'),
      await apart('next'),
    ];
    const live = await restored();
    const said = {
      words: 'Said at the till, says Edda',
      place: 'high-street',
      customer: { name: 'Edda Till', email: 'edda@till.example' },
      saidAt: new Date(Date.now() - 60_000).toISOString(),
    };
    const tillSends = (heed: Heed) => capture(heed, said, { channel: 'api', press: { source: 'till', key: 'edda' } });
    await backUp(live, before);
    await heedAt(live, async (heed) => {
      const { id } = await tillSends(heed);
      await backUp(live, between);
      await erase(heed, await subjectNamed(heed.pool, id), { by: 'otto', reason: 'asked by letter' });
    });
    await backUp(live, after);

    const target = await blank();
    expect(await restore(target, before, { erasuresFrom: [after] })).toMatchObject({ erasedAgain: 1 });
    await heedAt(target, (heed) => expect(tillSends(heed)).rejects.toMatchObject({ code: 'gone' }));
    // What is backed up from then on knows of it, too, and of whom it was.
    await backUp(target, next);
    const another = await blank();
    expect(await restore(another, between, { erasuresFrom: [next] })).toMatchObject({ erasedAgain: 1 });
    expect(await ask(another, `select from words where words like '%Edda%'`)).toEqual([]);
    await heedAt(another, (heed) => expect(tillSends(heed)).rejects.toMatchObject({ code: 'gone' }));
  });

  test('comes back from a version that told of erasures alone, too', async () => {
    const before = await changed({
      suppressions: undefined,
      vouchings: undefined,
      rights: undefined,
      disavowals: undefined,
      key_revocations: undefined,
    });
    const target = await blank();
    await restore(target, before);
    expect(await contents(target)).toEqual(await contents(source));
  });
});

describe('one that cannot be made to the end', () => {
  let good: string;
  let was: Buffer;
  beforeAll(async () => {
    good = join(await mkdtemp(join(folder, 'kept-')), nameAt(new Date()));
    await backUp(source, good);
    was = await readFile(good);
  });
  const left = (): Promise<string[]> => readdir(join(good, '..'));

  test('because the disk is full, leaves the one before as it was', async () => {
    await symlink('/dev/full', `${good}.part`);
    await expect(backUp(source, good)).rejects.toThrow(/ENOSPC/);
    expect([await left(), await readFile(good)]).toEqual([[basename(good)], was]);
  });

  test('because the connection was lost, does so too, and costs nobody their process', async () => {
    await held(async (isWaiting) => {
      const making = expect(backUp(source, good)).rejects.toThrow(/terminat/);
      await isWaiting();
      await ask(
        server,
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'heed-backup'`,
      );
      await making;
    });
    expect([await left(), await readFile(good)]).toEqual([[basename(good)], was]);
  });

  test('because it was killed, is never taken for one, and is gone after the next', async () => {
    await held(async (isWaiting) => {
      const child = spawn('scripts/heed', ['backup', good], { env: { ...process.env, DATABASE_URL: source } });
      await isWaiting();
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    expect([await left(), await readFile(good)]).toEqual([[basename(good), `${basename(good)}.part`], was]);
    await expect(restore(await blank(), `${good}.part`)).rejects.toThrow(/is no backup|damaged or was cut off/);

    const keeping = keepBackups(source, join(good, '..'), () => {}, {
      everyMs: 60_000,
      againMs: 60_000,
      lookMs: 60_000,
    });
    await until(async () => !(await left()).includes(`${basename(good)}.part`));
    await keeping.stop();
    expect((await left()).length).toBe(2);
  });

  /** While `act` runs a backup comes as far as the words, and not on. */
  async function held(act: (isWaiting: () => Promise<void>) => Promise<void>): Promise<void> {
    const holder = new pg.Client({ connectionString: source });
    await holder.connect();
    await holder.query('begin; lock table words');
    const waits = `select 1 from pg_stat_activity where application_name = 'heed-backup' and wait_event_type = 'Lock'`;
    await act(() => until(async () => (await ask(server, waits)).length > 0));
    await holder.end();
  }
});

test('is made by itself when something was recorded, and what keeps it from being made is said once', async () => {
  const kept = join(folder, 'by-itself');
  const said: string[] = [];
  await writeFile(kept, 'in the way');
  const keeping = keepBackups(source, kept, (sentence) => said.push(sentence), { everyMs: 1, againMs: 1, lookMs: 20 });
  await until(async () => said.length > 0);
  await sleep(100);
  await rm(kept);
  await until(async () => said.length > 1);
  const first = await readdir(kept);
  // One that is made within the same second takes the place of the first.
  await sleep(1_000);
  await ask(source, 'update staff set name = name');
  await until(async () => (await readdir(kept)).some((name) => name.endsWith('.backup') && !first.includes(name)));
  await keeping.stop();
  expect(said).toEqual([expect.stringContaining('A backup could not be made: '), 'Backups are made again.']);
  expect(first).toEqual([expect.stringMatching(/^heed-.*Z\.backup$/)]);
});

test('is made by itself so often that at most five minutes can be lost', () => {
  const { everyMs, lookMs } = rhythm;
  // With some time for writing it: what is said meanwhile is not in it.
  expect(everyMs + lookMs).toBeLessThanOrEqual(5 * 60_000 - 20_000);
});

test('is made by itself also after a clock that was ahead was set back', async () => {
  const kept = await mkdtemp(join(folder, 'set-back-'));
  const keeping = keepBackups(source, kept, () => {}, { everyMs: 1, lookMs: 20 });
  const backups = async () => (await readdir(kept)).filter((name) => name.endsWith('.backup'));
  await until(async () => (await backups()).length === 1);
  const anHourBefore = new Date(Date.now() - 3_600_000);
  const timers = [
    'setImmediate',
    'clearImmediate',
    'setInterval',
    'clearInterval',
    'setTimeout',
    'clearTimeout',
  ] as const;
  jest.useFakeTimers({
    now: anHourBefore,
    doNotFake: [...timers, 'hrtime', 'nextTick', 'performance', 'queueMicrotask'],
  });
  await ask(source, 'update staff set name = name');
  await until(async () => (await backups()).includes(nameAt(anHourBefore))).finally(() => jest.useRealTimers());
  await keeping.stop();
});

describe('what is past its time goes', () => {
  const daysAgo = (days: number) => nameAt(new Date(Date.now() - days * 86_400_000));
  let keeping: ReturnType<typeof keepBackups>;
  afterEach(() => keeping.stop());
  async function folderWith(...names: string[]): Promise<string> {
    const kept = await mkdtemp(join(folder, 'past-'));
    for (const name of names) await writeFile(join(kept, name), '');
    return kept;
  }

  test('although no backup can be made, and the newest stays', async () => {
    const broken = await blank();
    await migrate(broken);
    await ask(broken, 'alter table migrations rename column name to away');
    const newest = daysAgo(31);
    const kept = await folderWith(daysAgo(40), `${daysAgo(33)}.part`, daysAgo(32), newest, 'notes.txt');
    const said: string[] = [];
    keeping = keepBackups(broken, kept, (sentence) => said.push(sentence), { againMs: 1, lookMs: 20 });
    await until(async () => (await readdir(kept)).length === 2);
    // And is not taken for one too many when it is tried again.
    await sleep(200);
    expect((await readdir(kept)).sort()).toEqual([newest, 'notes.txt']);
    expect(said).toEqual([expect.stringContaining('A backup could not be made: ')]);
  });

  test('while nothing is recorded, and once a day there is a backup all the same', async () => {
    const kept = await folderWith();
    const backups = async () => (await readdir(kept)).filter((name) => name.endsWith('.backup'));
    keeping = keepBackups(source, kept, () => {}, { everyMs: 1, lookMs: 20 });
    await until(async () => (await backups()).length === 1);
    await writeFile(join(kept, daysAgo(31)), '');
    await until(async () => (await backups()).length === 1);
    await keeping.stop();

    keeping = keepBackups(source, kept, () => {}, { everyMs: 1, lookMs: 20, dailyMs: 1_000 });
    await until(async () => (await backups()).length > 2);
  });
});

test('is kept for an hour every time, a day by the hour and thirty days by the day', () => {
  const now = new Date('2026-11-28T12:00:00Z');
  const every = (minutes: number, days: number): string[] =>
    Array.from({ length: (days * 1440) / minutes }, (_, n) => nameAt(new Date(now.getTime() - n * minutes * 60_000)));
  const all = every(5, 40);
  const gone = new Set(tooMany(all, now, new Date(0)));
  const kept = all.filter((name) => !gone.has(name));
  expect(kept.slice(0, 13)).toEqual(all.slice(0, 13));
  expect(kept.length).toBeGreaterThan(13 + 22 + 28);
  expect(kept.length).toBeLessThanOrEqual(13 + 24 + 31);
  expect(tooMany(['notes.txt', 'before-the-move.backup'], now, new Date(0))).toEqual([]);
});

test('of a database that was lost is not pushed out by those of the blank one in its place', () => {
  const names = ['13:05', '13:55', '14:00', '14:05', '14:50'].map((time) => nameAt(new Date(`2026-11-28T${time}:00Z`)));
  const [, lastOfThirteen, , last, blankOne] = names;
  const now = new Date('2026-11-28T18:00:00Z');
  const gone = tooMany(names, now, new Date('2026-11-28T14:07:00Z'));
  expect(names.filter((name) => !gone.includes(name))).toEqual([lastOfThirteen, last, blankOne]);
});
