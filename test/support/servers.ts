/** The servers that all tests of a run share: real ones. Where they are is told to the test processes by the environment. */

import { chmod, glob, mkdtemp, readFile, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../../src/embedded/postgres.ts';
import { processesNaming } from '../../src/embedded/processes.ts';
import { startTemporal } from '../../src/embedded/temporal.ts';
import { defaultCacheDir } from '../../src/embedded/temporalCli.ts';
import { readCompany } from '../../src/domain/companyFile.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openPool } from '../../src/store/pool.ts';
import { applyConfiguration } from '../../src/store/records/configurations.ts';
import { renewWorkingRole } from '../../src/store/workingRole.ts';
import { searchAttributes } from '../../src/workflows/messages.ts';
import { bundleWorkflows } from '../../src/workers/bundle.ts';

export interface Servers {
  stop(): Promise<void>;
}

/** `lasts`: Ctrl-C does not reach Postgres, so that whoever started it can say first what was seen. `brief`: it is over before it has written
 *  much, so that all of it may be kept in memory. */
export async function startServers(options: { temporal: boolean; lasts?: boolean; brief?: boolean }): Promise<Servers> {
  const dir = await mkdtemp(join(options.brief ? await quickestFolder() : tmpdir(), 'heed-test-'));
  await chmod(dir, 0o711);
  const started: Servers[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
    await rm(dir, { recursive: true, force: true });
  };
  const starting = [startDatabases(dir, started, options), ...(options.temporal ? [startStories(dir, started)] : [])];
  const failed = (await Promise.allSettled(starting)).find((outcome) => outcome.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return { stop };
}

/** A database is six hundred small files, which a disk takes a third of a second to make, and each test file has its own. In memory where there is
 *  plenty of it, programs may be run from there, and nobody has named another folder. */
async function quickestFolder(): Promise<string> {
  const memory = '/dev/shm';
  const { bavail, bsize } = await statfs(memory).catch(() => ({ bavail: 0, bsize: 0 }));
  const mounts = await readFile('/proc/mounts', 'utf8').catch(() => '');
  const isPlenty = Math.min(bavail * bsize, process.availableMemory()) > 6 * 2 ** 30;
  const runsPrograms = !/^\S+ \/dev\/shm \S+ \S*noexec/m.test(mounts);
  if (process.env['TMPDIR'] || !isPlenty || !runsPrograms) return tmpdir();
  await clearRemains(memory);
  return memory;
}

/** What a run that was killed left there would stay until the machine is started again. */
async function clearRemains(memory: string): Promise<void> {
  const hourAgo = Date.now() - 3_600_000;
  for await (const cluster of glob(join(memory, 'heed-test-*/postgres/data'))) {
    const dir = join(cluster, '../..');
    // A run that begins just now has no server yet.
    const begun = (await stat(dir).catch(() => undefined))?.mtimeMs ?? Infinity;
    if (begun > hourAgo || (await processesNaming(['-D', cluster])).length > 0) continue;
    await rm(dir, { recursive: true, force: true });
  }
}

async function startDatabases(dir: string, started: Servers[], { lasts = false }): Promise<void> {
  const postgres = await startPostgres({ dataDir: dir, durable: false, lasts, settings: { max_connections: '300' } });
  started.push(postgres);
  const { databaseUrl: workingUrl } = await withClient(postgres.url, (client) =>
    renewWorkingRole(client, postgres.url),
  );
  await makeTemplates(postgres.url, workingUrl);
  process.env['HEED_TEST_POSTGRES'] = postgres.url;
  process.env['HEED_TEST_POSTGRES_WORKING'] = workingUrl;
}

async function startStories(dir: string, started: Servers[]): Promise<void> {
  const bundling = bundleWorkflows(join(dir, 'workflows.js'));
  const temporal = await startTemporal({
    dataDir: undefined,
    cacheDir: defaultCacheDir(process.env),
    uiPort: 'none',
    timeSkipping: true,
    searchAttributes,
    ...(process.env['TEMPORAL_CLI_PATH'] && { cliPath: process.env['TEMPORAL_CLI_PATH'] }),
  });
  started.push(temporal);
  process.env['HEED_TEST_TEMPORAL'] = temporal.address;
  process.env['HEED_TEST_BUNDLE'] = await bundling;
}

/** Databases with the schema and a clock that tests can move: a blank one, and one for each sample company. Each test file copies one. */
async function makeTemplates(url: string, workingUrl: string): Promise<void> {
  const blank = 'heed_template';
  await withClient(url, (client) => client.query(`create database ${blank}`));
  const [template, databaseUrl] = [url, workingUrl].map((one) => one.replace(/\/[^/]*$/, `/${blank}`)) as [
    string,
    string,
  ];
  await migrate(template, undefined, { databaseUrl });
  await withClient(template, async (client) => {
    await client.query(`create table test_clock (ahead interval not null)`);
    await client.query(`insert into test_clock values ('0')`);
    await client.query(`grant select, update on test_clock to public`);
    await client.query(
      `create or replace function heed_now() returns timestamptz language sql stable as $$
         select coalesce(nullif(current_setting('heed.moment', true), '')::timestamptz, now()) + ahead from test_clock $$`,
    );
  });
  for (const company of ['shop', 'demo']) {
    await withClient(url, (client) =>
      client.query(`create database ${blank}_${company} template ${blank} strategy file_copy`),
    );
    const pool = await openPool(`${template}_${company}`);
    const yaml = await readFile(new URL(`../../samples/${company}.yaml`, import.meta.url), 'utf8');
    const read = readCompany(yaml);
    if ('problems' in read) throw new Error(`${company}.yaml is not sound: ${JSON.stringify(read.problems)}`);
    await pool.transaction((tx) => applyConfiguration(tx, { yaml, company: read.company, by: 'test' }));
    await pool.end();
  }
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
