/** How Postgres lets us in, where that changes while we run: by certificates that are exchanged, and by passwords that end. */

import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { z } from 'zod';
import { readConfig } from '../../src/config.ts';
import type { Credential } from '../../src/domain/credential.ts';
import { startPostgres, type EmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { backUp } from '../../src/store/backup.ts';
import { connect } from '../../src/store/connection.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openPool, sql, type Pool } from '../../src/store/pool.ts';
import { applyConfiguration } from '../../src/store/records/configurations.ts';
import { restore } from '../../src/store/restore.ts';
import { scrub } from '../../src/store/scrub.ts';
import { runCommand } from '../../src/triggers/cli/program.ts';
import { sample } from '../domain/samples.ts';
import { makeCertificate } from '../support/certificate.ts';

let dir: string;
let server: EmbeddedPostgres;
const at = (name: string): string => join(dir, name);
const [known, unknown] = ['Known', 'Unknown'].map((subject) => ({
  subject,
  ...makeCertificate({ subject, names: [], authority: true }),
})) as [Authority, Authority];
type Authority = Pair & { subject: string };
const owner = makeCertificate({ subject: 'heed_owner', names: [], by: known });
const [first, second, stranger] = [known, known, unknown].map((by) =>
  makeCertificate({ subject: 'heed_work', names: [], by }),
) as [Pair, Pair, Pair];
type Pair = ReturnType<typeof makeCertificate>;

/** One after the other, in the server's own database, as whom nothing is refused. */
async function order(...statements: string[]): Promise<void> {
  const client = new pg.Client(server.url);
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

/** Postgres ends what was ended a moment later. */
async function alone(): Promise<void> {
  const client = new pg.Client(server.url);
  await client.connect();
  while ((await client.query(`select from pg_stat_activity where datname = 'shop'`)).rowCount);
  await client.end();
}

const give = async (name: string, { cert, key }: Pair): Promise<void> => {
  await writeFile(at(`${name}.pem`), cert);
  await writeFile(at(`${name}.key`), key);
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'heed-credentials-'));
  await chmod(dir, 0o711);
  server = await startPostgres({ dataDir: dir, durable: false });
  const own = makeCertificate({ names: [] });
  await writeFile(at('server.pem'), own.cert);
  await give('owner', owner);
  await give('work', first);
  const cluster = join(dir, 'postgres/data');
  const { uid, gid } = await stat(cluster);
  const rules = await readFile(join(cluster, 'pg_hba.conf'), 'utf8');
  for (const [name, text] of [
    ['server.crt', own.cert],
    ['server.key', own.key],
    ['clients.crt', known.cert],
    ['pg_hba.conf', `hostssl all heed_owner,heed_work all cert\nhost all heed_owner,heed_work all reject\n${rules}`],
  ] as const) {
    await writeFile(join(cluster, name), text, { mode: 0o600 });
    await chown(join(cluster, name), uid, gid);
  }
  await order(
    'create role heed_owner login',
    'create role heed_work login',
    'create database shop owner heed_owner',
    `alter system set ssl_ca_file = 'clients.crt'`,
    'alter system set ssl = on',
    'select pg_reload_conf()',
  );
  const encrypted = async (): Promise<boolean> =>
    connect(`${server.url}?sslmode=no-verify`, 'heed-test').then(
      (client) => client.end().then(() => true),
      () => false,
    );
  while (!(await encrypted()));
});
afterAll(async () => {
  await server?.stop();
  await rm(dir, { recursive: true });
});

/** No password in it. */
const byCertificate = (role: string, name: string): string => {
  const { host } = new URL(server.url);
  const files = `sslrootcert=${at('server.pem')}&sslcert=${at(`${name}.pem`)}&sslkey=${at(`${name}.key`)}`;
  return `postgres://${role}@${host}/shop?sslmode=verify-full&${files}`;
};

const Session = z.object({ pid: z.number(), role: z.string(), serial: z.string().nullable() });
/** Whose connection it is, and by which certificate; while so many others of the pool are in use, beside which it may be a new one. */
const session = (pool: Pool, beside = 0): Promise<z.infer<typeof Session>> =>
  beside > 0
    ? pool.connect(() => session(pool, beside - 1))
    : pool.one(
        sql.type(Session)`select pid, current_user as role, client_serial::text as serial
          from pg_stat_ssl where pid = pg_backend_pid()`,
      );

describe('a Postgres that asks for a certificate and takes no password', () => {
  test('lets us do everything: migrate, work, scrub, back up, restore, audit, and see whether all is well', async () => {
    const [ownerUrl, databaseUrl] = [byCertificate('heed_owner', 'owner'), byCertificate('heed_work', 'work')];
    expect((await migrate(ownerUrl, undefined, { databaseUrl })).length).toBeGreaterThan(0);
    const pool = await openPool(databaseUrl, { connections: 1 });
    expect((await session(pool)).role).toBe('heed_work');
    await pool.transaction((tx) => applyConfiguration(tx, { yaml: '# shop', company: sample('shop'), by: 'test' }));
    await pool.end();
    await scrub(databaseUrl);
    await backUp(databaseUrl, at('shop.backup'));
    await alone();
    expect((await restore(ownerUrl, at('shop.backup'), { replace: true, databaseUrl })).tables).toBeGreaterThan(0);

    const said: string[] = [];
    const heed = (...argv: string[]): Promise<number> =>
      runCommand(argv, {
        say: (line) => said.push(line),
        complain: (line) => said.push(line),
        config: () => readConfig({ HOME: dir, DATABASE_URL: databaseUrl, DATABASE_OWNER_URL: ownerUrl }),
        folder: () => dir,
        account: 'otto',
      });
    expect(await heed('migrate')).toBe(0);
    expect(await heed('audit')).toBe(0);
    await heed('doctor');
    expect(said.join('\n')).toMatch(/ok {2}Postgres: reachable, schema current/);
    expect(said.join('\n')).not.toContain('Heed works as the role that owns');
  });

  test('lets in nobody without one, with one of another role, or with one that it does not know', async () => {
    const { host } = new URL(server.url);
    const refused = (url: string): Promise<unknown> =>
      connect(url, 'heed-test').catch(({ cause }: Error) => (cause as Error).message);
    const bare = `postgres://heed_work@${host}/shop?sslmode=verify-full&sslrootcert=${at('server.pem')}`;
    expect(await refused(bare)).toMatch(/requires a valid client certificate/);
    expect(await refused(byCertificate('heed_work', 'owner'))).toMatch(/certificate authentication failed/);
    await give('stranger', stranger);
    expect(await refused(byCertificate('heed_work', 'stranger'))).toMatch(/alert|unknown ca|ECONNRESET/i);
  });

  test('is shown the certificate of the moment by each new connection, and the old ones go on', async () => {
    await give('work', first);
    const pool = await openPool(byCertificate('heed_work', 'work'), { connections: 2 });
    const before = await session(pool);
    await give('work', second);
    const next = await session(pool, 1);
    expect(next.pid).not.toBe(before.pid);
    expect(next.serial).not.toBe(before.serial);
    expect([await session(pool), await session(pool)]).toEqual(expect.arrayContaining([before, next]));
    await pool.end();
  });

  test('is shown the one of before while its file and that of its key are exchanged, or away, and that is said', async () => {
    await give('work', first);
    const said: string[] = [];
    const pool = await openPool(byCertificate('heed_work', 'work'), {
      connections: 4,
      say: (sentence) => said.push(sentence),
    });
    const { serial } = await session(pool);
    // One file after the other.
    await writeFile(at('work.pem'), second.cert);
    expect((await session(pool, 1)).serial).toBe(serial);
    await rm(at('work.key'));
    expect((await session(pool, 2)).serial).toBe(serial);
    await give('work', second);
    expect((await session(pool, 3)).serial).not.toBe(serial);
    expect(said).toEqual([
      expect.stringMatching(/^What the address of Postgres names for TLS \(.*work\.pem.*\) can't be used together\./),
      expect.stringMatching(/^The address of Postgres names .*work\.key for TLS, which can't be read\./),
    ]);
    await pool.end();
  });
});

describe('a password that ends', () => {
  const write = (role: string, password: string): Promise<void> => {
    const url = new URL(server.url);
    [url.username, url.password] = [role, password];
    return writeFile(at('address'), url.href);
  };
  const fromFile = (): Credential => readConfig({ DATABASE_URL_FILE: at('address') }).databaseUrl!;

  test('is followed by the next one without a restart: new connections use it, and those that there are stay', async () => {
    await order(`create role short login password 'first'`);
    await write('short', 'first');
    const databaseUrl = fromFile();
    const pool = await openPool(databaseUrl, { connections: 2 });
    const before = await session(pool);

    await order(`alter role short password 'second'`);
    // Nobody has told us yet.
    await pool.connect(async () => expect(session(pool)).rejects.toThrow(/password authentication failed/));
    await expect(connect(databaseUrl, 'heed-test')).rejects.toMatchObject({ cause: { code: '28P01' } });
    await write('short', 'second');
    const next = await session(pool, 1);
    expect(next.pid).not.toBe(before.pid);
    expect([await session(pool), await session(pool)]).toEqual(expect.arrayContaining([before, next]));
    await (await connect(databaseUrl, 'heed-test')).end();
    await pool.end();
  });

  test('may come with a name of its own, under which everything is done as the role that Heed works as', async () => {
    await order(
      `create role works login password 'first'`,
      `create role leased login password 'second' in role works`,
      'alter role leased set role to works',
    );
    await write('works', 'first');
    const pool = await openPool(fromFile(), { connections: 2 });
    await session(pool);
    await write('leased', 'second');
    const Names = z.object({ name: z.string(), role: z.string() });
    expect(
      await pool.connect(() =>
        pool.one(sql.type(Names)`select session_user::text as name, current_user::text as role`),
      ),
    ).toEqual({ name: 'leased', role: 'works' });
    await pool.end();
  });
});
