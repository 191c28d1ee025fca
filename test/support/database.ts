/** A database of one's own, with a company in it and a clock that can be moved. */

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { QuerySqlToken } from 'slonik';
import type { Hands } from '../../src/activities/createActivities.ts';
import type { Company } from '../../src/domain/company.ts';
import { openPool, sql, type Pool, type Tx } from '../../src/store/pool.ts';
import { applyConfiguration, openConfigurations } from '../../src/store/records/configurations.ts';
import { tallyRefusals } from '../../src/store/records/refusals.ts';
import type { Heed } from '../../src/triggers/heed.ts';

export interface TestDatabase {
  /** Of its owner, who may do anything to it. */
  url: string;
  /** Of the role that Heed works as. */
  workingUrl: string;
  /** As that role, as is `heed`. */
  pool: Pool;
  heed: Heed;
  company: Company;
  /** Applies a changed company as the next version. */
  apply(change: (company: Company) => void): Promise<void>;
  /** Moves heed_now(): an interval as Postgres reads it ('2 hours', '1 day 5 minutes'). */
  passTime(interval: string): Promise<void>;
  /** As its owner, for what nobody else may. */
  owner(): Promise<Pool>;
  /** Rewrites what is recorded, as only somebody with all power over the database can: facts refuse it from everybody else. */
  rewrite(statement: QuerySqlToken): Promise<void>;
  /** The database is lost with everything in it; a blank one is in its place, whose clock a backup brings along. */
  lose(): Promise<void>;
  close(): Promise<void>;
}

/** What stages are called with by hand: they work on Postgres alone, so nothing that sends is there. */
export const handsOf = ({ pool, heed }: TestDatabase): Hands =>
  ({ pool, configuration: heed.configuration, publicUrl: 'https://heed.test' }) as Hands;

/** What was written to a customer about this leaves, as where nothing holds it and a mail server takes it. */
export const lettersLeave = ({ pool }: Pick<TestDatabase, 'pool'>, loopId: string): Promise<unknown> =>
  pool.query(sql.unsafe`
    update deliveries set state = 'sent', ended_at = heed_now()
    where loop_id = ${loopId} and customer_id is not null and state = 'planned'`);

/** Opens a database for one test file, with samples/<company>.yaml applied (shop unless said otherwise). Few `connections`, for each of them
 *  plans every view for itself; more where many must wait for each other at the same moment. */
export async function openTestDatabase({
  company: sample = 'shop',
  connections = 4,
}: { company?: 'shop' | 'demo'; connections?: number } = {}): Promise<TestDatabase> {
  const { HEED_TEST_POSTGRES: server, HEED_TEST_POSTGRES_WORKING: working } = process.env;
  if (!server || !working) throw new Error('Run tests through jest.config.mjs: its globalSetup starts Postgres.');
  const name = `t_${randomBytes(6).toString('hex')}`;
  await onServer(server, `create database ${name} template heed_template_${sample} strategy file_copy`);
  const [url, workingUrl] = [server, working].map((one) => one.replace(/\/[^/]*$/, `/${name}`)) as [string, string];
  const pool = await openPool(workingUrl, { statementTimeoutMs: 10_000, connections });
  let opened: Promise<Pool> | undefined;
  const owner = (): Promise<Pool> => (opened ??= openPool(url, { statementTimeoutMs: 10_000, connections: 1 }));
  // The template waits to be linked from the beginning of the run, which may be long ago.
  await pool.query(sql.unsafe`update unchained set since = clock_timestamp()`);
  const configuration = openConfigurations(pool);
  let { company, version } = await configuration();
  return {
    url,
    workingUrl,
    pool,
    owner,
    heed: { pool, configuration, hint: () => {}, turnedAway: tallyRefusals(pool) },
    get company() {
      return company;
    },
    async apply(change) {
      company = structuredClone(company);
      change(company);
      version += 1;
      await pool.transaction((tx) =>
        applyConfiguration(tx, { yaml: `# changed for a test, ${version}`, company, by: 'test' }),
      );
    },
    async passTime(interval) {
      await pool.query(sql.unsafe`update test_clock set ahead = ahead + ${interval}::interval`);
    },
    async rewrite(statement) {
      const all = await owner();
      await all.transaction(async (tx) => {
        await tx.query(sql.unsafe`set local session_replication_role = replica`);
        await tx.query(statement);
      });
    },
    async lose() {
      await onServer(server, `drop database ${name} with (force)`);
      await onServer(server, `create database ${name} template heed_template strategy file_copy`);
    },
    async close() {
      await pool.end();
      await (await opened)?.end();
      await onServer(server, `drop database ${name} with (force)`);
    },
  };
}

/** How many rows of these tables Postgres has read until now: all it went through, and what it looked up by an index. */
export const rowsRead = (db: TestDatabase, ...tables: string[]): Promise<number> =>
  countedOf(db, sql.fragment`seq_tup_read + coalesce(idx_tup_fetch, 0)`, tables);

/** Some other sum of what it counts. */
export async function countedOf(
  { pool }: TestDatabase,
  what: ReturnType<typeof sql.fragment>,
  tables: readonly string[],
): Promise<number> {
  await pool.query(sql.unsafe`select pg_stat_force_next_flush()`);
  return Number(
    await pool.oneFirst(sql.unsafe`
      select sum(${what}) from pg_stat_user_tables where relname = any(${sql.array([...tables], 'text')})`),
  );
}

/** What came of something that nobody else sees, and that is undone. */
export async function undone<T>({ pool }: TestDatabase, look: (tx: Tx) => Promise<T>): Promise<T> {
  let seen: T | undefined;
  const undo = new Error('seen');
  await pool
    .transaction(async (tx) => {
      seen = await look(tx);
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  return seen as T;
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
