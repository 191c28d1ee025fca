/** Every part as a process of its own, with a link that can go wrong between any two. What is killed is started again, as whoever runs it would. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdir, open, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import getPort from 'get-port';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { startMailbox, type Mailbox } from '../src/embedded/mailbox.ts';
import { startPostgres } from '../src/embedded/postgres.ts';
import { processesNaming } from '../src/embedded/processes.ts';
import { startSlackRoom, type SlackRoom } from '../src/embedded/slackRoom.ts';
import { startTemporal } from '../src/embedded/temporal.ts';
import { defaultCacheDir, findTemporalCli } from '../src/embedded/temporalCli.ts';
import { stopAll, type Stop } from '../src/stops.ts';
import { migrateOurs } from '../src/store/migrate.ts';
import { runCommand } from '../src/triggers/cli/program.ts';
import { searchAttributes } from '../src/workflows/messages.ts';
import { shortenedCompany, type Company } from './company.ts';
import { links, type Killed, type LinkName, type Part } from './plan.ts';
import { openLink, type Link } from './proxy.ts';

export interface House {
  company: Company;
  /** Where clients reach the web, through their link. */
  url: string;
  apiKey: string;
  /** Straight to Postgres, past every link, as its superuser. */
  databaseUrl: string;
  mailbox: Mailbox;
  room: SlackRoom;
  links: Record<LinkName, Link>;
  /** kill -9, or whatever is most like it: of one that runs, each in its turn, or of all. Returns how many were killed. */
  kill(of: Killed, all: boolean): Promise<number>;
  /** Stops a process in mid-sentence, and lets it go on later as if nothing had been. */
  pause(part: Part, ms: number): void;
  /** From now on, also when it is started again, the clock of a part is so much ahead, or behind. */
  setClock(part: Part, aheadMs: number): Promise<void>;
  /** All that Temporal knew is gone. */
  wipeTemporal(): Promise<void>;
  /** Takes the table of all loops for so long, as somebody at a database console might. False when it could not be had. */
  holdLoops(forMs: number): Promise<boolean>;
  /** Fills the disk of Postgres. False where it has none of its own (that takes root). */
  fillDisk(forMs: number): Promise<boolean>;
  /** Types a command, as an operator would. Rejects when it fails. */
  heed(argv: readonly string[]): Promise<void>;
  /** How long the web was away after each of its kills, in milliseconds. */
  recoveries: number[];
  stop(): Promise<void>;
}

export interface HouseOptions {
  /** Everything is kept here. */
  folder: string;
  parts: readonly Part[];
  /** And as many relays. */
  workers: number;
  /** How many times longer rungs take than in the small proof. */
  pace: number;
  /** Postgres on a disk of its own of so many megabytes, where this machine lets us. */
  diskMegabytes?: number | undefined;
  say: (sentence: string) => void;
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** Starts everything; returns when the web answers. */
export async function startHouse(options: HouseOptions): Promise<House> {
  const { folder, say } = options;
  const stops: Stop[] = [];
  try {
    return await build(options, stops);
  } catch (error) {
    await stopAll(stops, say);
    throw new Error(`The parts could not be started; their logs are in ${join(folder, 'logs')}.`, { cause: error });
  }
}

async function build(options: HouseOptions, stops: Stop[]): Promise<House> {
  const { folder, say } = options;
  for (const name of ['logs', 'tmp']) await mkdir(join(folder, name), { recursive: true });
  await chmod(folder, 0o711);
  const disk = await ownDisk(folder, options.diskMegabytes, stops);
  const told = (sentence: string): void => void logLine(folder, sentence);

  const postgres = await startPostgres({ dataDir: disk ?? folder, onTrouble: told });
  stops.push({ name: 'Postgres', stop: () => postgres.stop() });
  const { yaml, company } = await shortenedCompany(options.pace);
  const workingUrl = await migrateOurs(postgres.url);
  const heed = (argv: readonly string[]): Promise<void> =>
    type({ DATABASE_URL: workingUrl, DATABASE_OWNER_URL: postgres.url }, folder, argv);
  await writeFile(join(folder, 'company.yaml'), yaml);
  await heed(['apply', join(folder, 'company.yaml')]);

  const engine = options.parts.includes('relay') ? await startEngine(folder, told, stops) : undefined;
  const webPort = await getPort({ host: '127.0.0.1' });
  const mailbox = await startMailbox({ dataDir: folder });
  stops.push({ name: 'Mailbox', stop: () => mailbox.stop() });
  const postgresPort = Number(new URL(postgres.url).port);
  const at: Record<LinkName, () => number> = {
    'clients to web': () => webPort,
    'web to postgres': () => postgresPort,
    'worker to postgres': () => postgresPort,
    'relay to postgres': () => postgresPort,
    'worker to temporal': () => engine?.port ?? 0,
    'relay to temporal': () => engine?.port ?? 0,
    'worker to mail': () => Number(new URL(mailbox.smtpUrl).port),
    'all to slack': () => Number(new URL(room.apiUrl).port),
  };
  const opened = await Promise.all(links.map(async (name) => [name, await openLink(at[name])] as const));
  const between = Object.fromEntries(opened) as Record<LinkName, Link>;
  stops.push({ name: 'Links', stop: async () => void (await Promise.all(opened.map(([, link]) => link.close()))) });
  const url = `http://127.0.0.1:${between['clients to web'].port}`;
  const room = await startSlackRoom({
    dataDir: folder,
    interactivityUrl: () => `${url}/slack/interactions`,
    people: Object.values(company.staff),
  });
  stops.push({ name: 'Slack room', stop: () => room.stop() });

  const apiKey = 'prove-key-prove-key';
  const throughLink = (name: LinkName): string => workingUrl.replace(`:${postgresPort}/`, `:${between[name].port}/`);
  const envOf = (part: Part): Record<string, string> => ({
    DATABASE_URL: throughLink(`${part} to postgres`),
    PUBLIC_URL: url,
    PORT: String(webPort),
    HEED_API_KEY: apiKey,
    RATE_LIMITING_DISABLED: 'true',
    SMTP_URL: `smtp://127.0.0.1:${between['worker to mail'].port}`,
    SMTP_RATE: '200',
    SLACK_BOT_TOKEN: room.token,
    SLACK_SIGNING_SECRET: room.signingSecret,
    SLACK_API_URL: `http://127.0.0.1:${between['all to slack'].port}/api/`,
    ...(part !== 'web' && { TEMPORAL_ADDRESS: `127.0.0.1:${between[`${part} to temporal`].port}` }),
  });
  const running = options.parts.flatMap((part) =>
    Array.from({ length: part === 'web' ? 1 : options.workers }, (_, n) =>
      keepRunning(`${part}${n || ''}`, part, envOf(part), folder),
    ),
  );
  stops.push({
    name: 'Web, worker and relay',
    stop: async () => void (await Promise.all(running.map((one) => one.stop()))),
  });
  const recoveries: number[] = [];
  let turns = 0;
  // Straight to the web, so that what is measured is not a link.
  const answers = (): Promise<boolean> => isUp(`http://127.0.0.1:${webPort}/health`);
  await untilTrue(answers, 60_000, 'The web never answered.');

  return {
    company,
    url,
    apiKey,
    databaseUrl: postgres.url,
    mailbox,
    room,
    links: between,
    heed,
    recoveries,
    async kill(of, all) {
      if (of === 'backends') return killBackends(postgres.url, all);
      if (of === 'postgres') return killPid(await postmasterOf(disk ?? folder));
      if (of === 'temporal') return killPid(await engine?.pid());
      const alike = running.filter(({ part }) => part === of);
      const dying = all ? alike : alike.slice(turns % alike.length, (turns % alike.length) + 1);
      turns += 1;
      const hit = dying.filter((one) => one.kill()).length;
      if (of === 'web') {
        const since = performance.now();
        void untilTrue(answers, 120_000, 'The web stayed away.').then(
          () => recoveries.push(performance.now() - since),
          () => recoveries.push(Infinity),
        );
      }
      return hit;
    },
    pause: (part, ms) => running.find((one) => one.part === part)?.pause(ms),
    setClock: (part, aheadMs) => writeFile(clockOf(part, folder), String(aheadMs)),
    wipeTemporal: async () => engine?.wipe(),
    holdLoops: (forMs) => holdLoops(postgres.url, forMs),
    fillDisk: (forMs) => (disk ? fill(disk, forMs) : Promise.resolve(false)),
    stop: () => stopAll(stops, say),
  };
}

const clockOf = (part: Part, folder: string): string => join(folder, 'tmp', `${part}.clock`);

/** A part that is started again whenever it ends, at once. */
function keepRunning(name: string, part: Part, env: Record<string, string>, folder: string) {
  let child: ChildProcess;
  let stopping = false;
  let paused: NodeJS.Timeout | undefined;
  const start = async (): Promise<void> => {
    const log = await open(join(folder, 'logs', `${name}.log`), 'a');
    child = spawn('scripts/node', ['src/main.ts', part], {
      cwd: root,
      stdio: ['ignore', log.fd, log.fd],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: folder,
        TMPDIR: join(folder, 'tmp'),
        LOG_LEVEL: 'warn',
        NODE_OPTIONS: `--import ${new URL('wrongClock.ts', import.meta.url).href}`,
        WRONG_CLOCK: clockOf(part, folder),
        ...env,
      },
    });
    child.once('exit', () => {
      if (!stopping) setTimeout(() => void start(), 100);
    });
    await log.close();
  };
  const started = start();
  return {
    part,
    /** False where it was dead. */
    kill: (): boolean => child.kill('SIGKILL'),
    pause(ms: number): void {
      const one = child;
      one.kill('SIGSTOP');
      paused = setTimeout(() => one.kill('SIGCONT'), ms);
    },
    async stop(): Promise<void> {
      await started;
      stopping = true;
      clearTimeout(paused);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(late);
    },
  };
}

async function startEngine(folder: string, told: (sentence: string) => void, stops: Stop[]) {
  const { TEMPORAL_CLI_PATH: named } = process.env;
  const cacheDir = defaultCacheDir(process.env);
  const cliPath = await findTemporalCli({ cacheDir, ...(named && { cliPath: named }) });
  const port = await getPort({ host: '127.0.0.1' });
  const start = () =>
    startTemporal({ dataDir: folder, cacheDir, cliPath, port, uiPort: 'none', searchAttributes, onTrouble: told });
  let server = await start();
  stops.push({ name: 'Temporal', stop: () => server.stop() });
  const file = join(folder, 'temporal', 'temporal.db');
  return {
    port,
    pid: async () => (await processesNaming(['--db-filename', file]))[0]?.pid,
    async wipe() {
      await server.stop();
      for (const part of ['', '-wal', '-shm', '-journal']) await rm(`${file}${part}`, { force: true });
      server = await start();
    },
  };
}

async function type(settings: Record<string, string>, folder: string, argv: readonly string[]): Promise<void> {
  const said: string[] = [];
  const code = await runCommand(argv, {
    say: (line) => said.push(line),
    complain: (line) => said.push(line),
    config: () => readConfig({ ...settings, HOME: folder }),
    folder: () => folder,
    account: 'prove',
  });
  if (code !== 0) throw new Error(`heed ${argv.join(' ')}: ${said.join(' ')}`);
}

/** `all`: one of them with -9, upon which Postgres ends all others and recovers. Else every one of them as an operator ends it. */
async function killBackends(databaseUrl: string, all: boolean): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 3_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const others = 'from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()';
    if (!all) return (await client.query(`select pg_terminate_backend(pid) ${others}`)).rowCount ?? 0;
    const { rows } = await client.query<{ pid: number }>(`select pid ${others} order by query_start desc limit 1`);
    return killPid(rows[0]?.pid);
  } catch {
    // It is away just now: nothing is left to kill.
    return 0;
  } finally {
    await client.end().catch(() => {});
  }
}

async function holdLoops(databaseUrl: string, forMs: number): Promise<boolean> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 3_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('begin');
    await client.query('lock table loops');
    await sleep(forMs);
    return true;
  } catch {
    // It was killed meanwhile, or is away.
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

function killPid(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    process.kill(pid, 'SIGKILL');
    return 1;
  } catch {
    return 0;
  }
}

async function postmasterOf(dataDir: string): Promise<number | undefined> {
  const lines = await readFile(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8').catch(() => '');
  return Number(lines.split('\n')[0]) || undefined;
}

const run = promisify(execFile);

/** A file system in memory of a fixed size. Undefined where nobody may mount one. */
async function ownDisk(folder: string, megabytes: number | undefined, stops: Stop[]): Promise<string | undefined> {
  if (megabytes === undefined) return undefined;
  const disk = join(folder, 'disk');
  await mkdir(disk, { recursive: true });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0711`, 'heed-prove', disk]);
  } catch {
    return undefined;
  }
  stops.push({ name: 'Disk', stop: async () => void (await run('umount', ['-l', disk])) });
  return disk;
}

/** Not a byte is left for so long; then all of it is back. False when it could not be filled. */
async function fill(disk: string, forMs: number): Promise<boolean> {
  const ballast = join(disk, 'ballast');
  const file = await open(ballast, 'w');
  const block = Buffer.alloc(8 << 20);
  let fullAt: number | undefined;
  try {
    while (fullAt === undefined || performance.now() < fullAt + forMs) {
      try {
        await file.write(block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        fullAt ??= performance.now();
        // What Postgres gives up meanwhile is taken, too.
        await sleep(50);
      }
    }
    const { bavail, bsize } = await statfs(disk);
    return bavail * bsize < 1 << 20;
  } finally {
    await file.close();
    await rm(ballast);
  }
}

async function isUp(address: string): Promise<boolean> {
  return fetch(address, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function untilTrue(holds: () => Promise<boolean>, withinMs: number, otherwise: string): Promise<void> {
  for (const until = performance.now() + withinMs; !(await holds()); await sleep(25))
    if (performance.now() > until) throw new Error(otherwise);
}

async function logLine(folder: string, sentence: string): Promise<void> {
  await writeFile(join(folder, 'logs', 'servers.log'), `${new Date().toISOString()} ${sentence}\n`, { flag: 'a' });
}
